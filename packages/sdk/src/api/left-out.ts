/**
 * Stands in a path for a field that a call leaves out: `GET /accounts/-` is the only account there is. Nothing else would do: two
 * slashes in a row, and one at the end, are folded on the way.
 */
export const LEFT_OUT = "-";
