import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { nearest } from "./nearest.ts";

/** One field of an input that was refused. */
export interface BadField {
  /** `legs.0.quantity`; "" where the input as a whole is meant. */
  readonly field: string;
  /** The sentence about it, with its value. */
  readonly message: string;
}

/**
 * The input as its schema gives it, or `input_invalid` that names every bad field with its value: the first in the message,
 * all in `details.errors`.
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const fields: Fields = schema instanceof z.ZodObject ? schema.shape : {};
  const errors = result.error.issues.flatMap((issue) => badFields(issue, given, fields));
  throw new StratctlError("input_invalid", errors[0]?.message ?? "the input is not valid", { details: { errors } });
}

type Fields = Readonly<Record<string, z.core.$ZodType>>;

function badFields(issue: z.core.$ZodIssue, given: unknown, fields: Fields): BadField[] {
  const field = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ field: key, message: unknownField(key, Object.keys(fields)) }));
  return [{ field, message: sentence(entryName(issue.path, fields) ?? field, complaint(issue), valueAt(given, issue.path)) }];
}

/** What an entry of a list is called, where the list's schema has a title for it: `i.0` is an instrument. */
function entryName([name, ...within]: readonly PropertyKey[], fields: Fields): string | undefined {
  const list = within.length === 1 ? fields[String(name)] : undefined;
  return list === undefined ? undefined : z.globalRegistry.get(list)?.title;
}

/** Reads as one line: `quantity must be a whole number above 0, not 0`, `name "12" is made of digits only`. */
function sentence(field: string, what: string, value: unknown): string {
  const subject = field === "" ? "the input" : field;
  if (value === undefined) return what.startsWith("is ") ? `${subject} ${what}` : `${subject} is missing`;
  return what.startsWith("must") ? `${subject} ${what}, not ${shown(value)}` : `${subject} ${shown(value)} ${what}`;
}

/** A schema's own sentence where it has one, else ours for zod's general ones. */
function complaint(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${article(issue.expected)}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_big":
      return `must be at most ${String(issue.maximum)}${unitOf(issue.origin)}`;
    case "too_small":
      return `must be at least ${String(issue.minimum)}${unitOf(issue.origin)}`;
    case "invalid_union":
      return issue.errors[0]?.[0] === undefined ? "is not valid" : complaint(issue.errors[0][0]);
    case "invalid_format":
      return `is not ${article(FORMATS[issue.format] ?? issue.format)}`;
    default:
      return "is not valid";
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  datetime: "instant with its zone",
  date: "day like 2025-07-31",
  regex: "value of the right form",
};

function unitOf(origin: string): string {
  return { string: " characters", array: " entries", set: " entries" }[origin] ?? "";
}

function article(noun: string): string {
  return /^[aeiou]/i.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** A value in an error line: as JSON, cut at 80 characters. */
function shown(value: unknown): string {
  const text = typeof value === "number" || typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Object.entries(value).find(([name]) => name === String(key))?.[1] : undefined,
    given,
  );
}

function unknownField(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return `${key} is not a field here${meant === null ? "" : `; did you mean ${meant}?`}`;
}
