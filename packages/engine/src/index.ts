export const name = "engine";
