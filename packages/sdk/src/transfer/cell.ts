import { isDay } from "../market/day.ts";
import { parseUnits } from "../model/money.ts";
import { KIND_TABLES, type Form, type TransferColumn, type TransferKind } from "../store/transfer-kinds.ts";

/** A value as an export writes it: text, or null where it is not known. */
export type Cell = string | null;

export function columnsOf(kind: TransferKind): readonly TransferColumn[] {
  return KIND_TABLES[kind].columns;
}

/** A text of Postgres as an export writes it. */
export function cellOf(text: Cell, form: Form): Cell {
  if (text === null) return null;
  // `2025-07-31 03:45:00.123456+00`, in a session whose zone is UTC
  if (form === "instant") return `${text.slice(0, 10)}T${text.slice(11, -3)}Z`;
  return text;
}

/** Why a cell is not a value of its column, and how to write one; null where it is. */
export function faultOf(cell: Cell, { form, is_nullable }: TransferColumn): string | null {
  if (cell === null) return is_nullable ? null : "is empty, and every row has one";
  return IS[form](cell) ? null : `is not ${WHAT[form]}`;
}

const WHAT: Readonly<Record<Form, string>> = {
  text: "a text that a database keeps",
  whole: "a whole number like 75",
  long: "a whole number like 75",
  amount: "a plain number of at most four decimals, like 101.55",
  instant: "an instant with its zone, like 2025-07-31T03:45:00Z",
  day: "a day like 2025-07-31",
  flag: "true or false",
  list: 'a list of texts in JSON, like ["hedge","weekly"]',
  json: "JSON",
  seconds: "15 hex digits like 0000000000fffff",
};

const INSTANT = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$/;

const IS: Readonly<Record<Form, (cell: string) => boolean>> = {
  text: (cell) => !cell.includes("\0") && cell.isWellFormed(),
  whole: (cell) => /^(0|-?[1-9]\d{0,9})$/.test(cell) && Math.abs(Number(cell)) <= 2_147_483_647,
  long: (cell) => /^(0|-?[1-9]\d{0,15})$/.test(cell) && Number.isSafeInteger(Number(cell)),
  amount: (cell) => parseUnits(cell) !== null,
  instant: (cell) => isDay(INSTANT.exec(cell)?.[1] ?? ""),
  day: isDay,
  flag: (cell) => /^(true|false)$/i.test(cell), // a spreadsheet writes TRUE
  list: (cell) => {
    const list = jsonOf(cell);
    return Array.isArray(list) && list.every((text) => typeof text === "string" && IS.text(text));
  },
  json: (cell) => jsonOf(cell) !== undefined && !cell.includes("\\u0000"),
  seconds: (cell) => /^[0-9a-f]{15}$/.test(cell),
};

/** Undefined where it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
