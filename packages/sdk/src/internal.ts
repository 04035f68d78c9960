export { assert } from "./errors.ts";
