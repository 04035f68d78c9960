import * as fc from "fast-check";
import type { Operation, Parameter } from "./document.ts";

/** Requests made up from the OpenAPI document: as it says, and broken in every way that a wire allows. */

export interface MadeUp {
  /** The operation that was meant; the request may be anything. */
  readonly operation: Operation;
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly token: TokenKind;
}

export type TokenKind = "good" | "reader" | "stranger" | "bad" | "none";

/** What there is: most requests should find something. */
export interface Known {
  /** Values by field. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
  /** A strategy and a leg of it. */
  readonly legs: readonly { readonly strategy_id: number; readonly instrument_id: number }[];
}

type Json = Readonly<Record<string, unknown>>;
type Value = fc.Arbitrary<unknown>;

export function requestsFor(operations: readonly Operation[], known: Known): fc.Arbitrary<MadeUp> {
  return fc.constantFrom(...operations).chain((operation) => requestFor(operation, known));
}

function requestFor(operation: Operation, known: Known): fc.Arbitrary<MadeUp> {
  const of = (place: Parameter["in"]): Parameter[] => operation.parameters.filter((one) => one.in === place);
  const body = operation.requestBody?.content["application/json"]?.schema ?? null;
  return fc
    .record({
      path: pathOf(of("path"), known),
      query: fields(
        of("query").map(({ name, schema, required }) => [name, schema, required]),
        known,
      ),
      headers: fc.record(Object.fromEntries(of("header").map(({ name, schema }) => [name, mostly(knownOr(name, schema, known), BROKEN)])), {
        requiredKeys: [],
      }),
      body: body === null ? mostly(fc.constant(null), fc.constant('{"name":"x"}')) : bodies(body, known),
      method: mostly(
        fc.constant(operation.method),
        fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"),
      ),
      content_type: mostly(
        fc.constant("application/json"),
        fc.constantFrom("text/plain", "application/xml", "multipart/form-data", "x", "application/json; charset=latin1", ""),
      ),
      accept: mostly(
        fc.constant(null),
        fc.constantFrom("*/*", "application/json", "text/html", "image/*;q=0.1", ";;;", "application/json;q=0"),
      ),
      token: mostly(fc.constant<TokenKind>("good"), fc.constantFrom<TokenKind>("reader", "stranger", "bad", "none")),
      tail: mostly(
        fc.constant(""),
        fc.constantFrom("/", "//", "/x", "/%00", "/%zz", "/..", "%2f", "?", "&", "?account_id", "#x", "&=&", "?%ff=1", "&__proto__=1"),
      ),
    })
    .map(({ path, query, headers, body: text, method, content_type, accept, token, tail }) => {
      const url = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(textOf(path[name] ?? "")));
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        [value].flat().map((one) => `${encoded(name)}=${encoded(textOf(one))}`),
      );
      return {
        operation,
        method,
        url: `${url}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}${tail}`,
        headers: {
          ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(textOf(value))])),
          ...(text === null || content_type === "" ? {} : { "content-type": content_type }),
          ...(accept === null ? {} : { accept }),
        },
        body: text,
        token,
      };
    });
}

function pathOf(parameters: readonly Parameter[], known: Known): fc.Arbitrary<Record<string, unknown>> {
  const any = fields(
    parameters.map(({ name, schema }) => [name, schema, true]),
    known,
  );
  if (!parameters.some(({ name }) => name === "instrument_id")) return any;
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known.legs) }, { weight: 1, arbitrary: any });
}

/** Twelve of thirteen as they should be. */
function mostly<T, U>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<U>): fc.Arbitrary<T | U> {
  return fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: bad });
}

function fields(
  shape: readonly (readonly [name: string, schema: Json, required: boolean])[],
  known: Known,
): fc.Arbitrary<Record<string, unknown>> {
  const values = shape.map(([name, schema]) => [name, mostly(knownOr(name, schema, known), BROKEN)] as const);
  const required = shape.filter(([, , is]) => is).map(([name]) => name);
  const all = fc.record(Object.fromEntries(values), { requiredKeys: required });
  const without = all.map((found) => Object.fromEntries(Object.entries(found).filter(([name]) => name !== required[0])));
  const more = fc.tuple(all, fc.constantFrom("extra", "__proto__", "constructor", "nmae", "ACCOUNT_ID", "$where", "quantity", ""), BROKEN);
  return fc.oneof(
    { weight: 14, arbitrary: all },
    { weight: 1, arbitrary: without },
    { weight: 1, arbitrary: more.map(([found, name, value]) => Object.fromEntries([...Object.entries(found), [name, value]])) },
  );
}

function bodies(schema: Json, known: Known): fc.Arbitrary<string | null> {
  const required = strings(schema["required"]);
  const shape = Object.entries(record(schema["properties"])).map(
    ([name, field]) => [name, record(field), required.includes(name)] as const,
  );
  const good = fields(shape, known).map((value) => JSON.stringify(value));
  const cut = fc.tuple(good, fc.nat(20)).map(([text, at]) => text.slice(0, at));
  const other = fc.constantFrom(
    "",
    "{}",
    "[]",
    "null",
    "1",
    '"x"',
    "{",
    "{]",
    "nul",
    "\uFEFF{}",
    "{}{}",
    '{"name":"a","name":"b"}',
    '{"__proto__":{"name":"x"}}',
    `${"[".repeat(5000)}${"]".repeat(5000)}`,
    '{"quantity":1e999}',
    '{"quantity":-0}',
  );
  const huge = fc.constant(JSON.stringify({ name: "x".repeat(70_000) }));
  return fc.oneof(
    { weight: 14, arbitrary: good },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: other },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: huge }) },
  );
}

function knownOr(name: string, schema: Json, known: Known): Value {
  const made = valueOf(schema);
  const there = known.values[name];
  return there === undefined ? made : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...there) }, { weight: 1, arbitrary: made });
}

/** Values that a schema takes. */
function valueOf(schema: Json): Value {
  if (Array.isArray(schema["enum"])) return fc.constantFrom(...schema["enum"]);
  if (Array.isArray(schema["anyOf"])) return fc.oneof(...schema["anyOf"].map((one) => valueOf(record(one))));
  const types = [schema["type"]].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: unknown, schema: Json): Value {
  const min = number(schema["minimum"]) ?? number(schema["exclusiveMinimum"]) ?? -1_000;
  const max = number(schema["maximum"]) ?? 1_000_000;
  switch (type) {
    case "integer":
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 50) }), fc.integer({ min, max }), fc.constantFrom(min, max));
    case "number":
      return fc.oneof(
        fc.integer({ min: 1, max: 100_000_000 }).map((units) => units / 10_000),
        fc.constantFrom(min, max, 0.0001, max - 0.0001),
      );
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(valueOf(record(schema["items"])), { minLength: number(schema["minItems"]) ?? 0, maxLength: 4 });
    default:
      return ofText(schema);
  }
}

function ofText(schema: Json): Value {
  if (schema["format"] === "date") return day;
  if (schema["format"] === "date-time")
    return fc.tuple(day, fc.constantFrom("T03:45:00Z", "T09:15:00+05:30", "T23:59:59.999-11:00")).map((parts) => parts.join(""));
  const min = number(schema["minLength"]) ?? 0;
  const max = number(schema["maxLength"]) ?? 60;
  return fc.oneof(
    fc.string({ minLength: min, maxLength: Math.min(max, 20) }),
    fc.string({ unit: "grapheme", minLength: min, maxLength: Math.min(max, 20) }),
    fc.constant("a".repeat(max)),
  );
}

const day = fc
  .date({ min: new Date("2025-07-01"), max: new Date("2025-08-15"), noInvalidDate: true })
  .map((at) => at.toISOString().slice(0, 10));

/** What no field should be, and some that one or the other may be. */
const BROKEN: Value = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 1.5, 1e-7, 1e21, 2 ** 31, 2 ** 53, -(2 ** 63), Number.MAX_VALUE),
  fc.constantFrom<unknown>(
    "",
    " ",
    "0",
    "00",
    "-1",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
    "null",
    "true",
    "1,2",
    "१२",
    "\0",
    "a\0b",
    "\u{7f}",
    "\ud800",
    "\uDFFFx",
    "\u202E",
    "%",
    "'; drop table strategy; --",
    "__proto__",
  ),
  fc.constantFrom<unknown>(
    "2025-02-30",
    "2025-07-31",
    "2025-07-31T09:15:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2025-07-31T09:15:00 05:30",
    "99999999999999",
    "1e12",
    "-5",
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], [1, 2], { toString: 1 }, { length: 1e9 }, [["a", ["b"]]]),
  fc.constantFrom<unknown>(
    "x".repeat(3_000),
    "é".repeat(201),
    "\u{1F4C8}".repeat(150),
    Array.from({ length: 501 }, () => "NSE:A"),
  ),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.anything({ maxDepth: 2, withNullPrototype: false }),
);

function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** Half a surrogate pair has no percent-encoding, and dots alone would be another path before they left. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed().slice(0, 4_000)).replaceAll(".", "%2E");
}

/** What Node lets into a header. */
function headerText(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "?").slice(0, 1_000);
}

function record(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
