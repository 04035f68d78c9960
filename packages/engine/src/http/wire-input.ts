import { z } from "zod";
import { LEFT_OUT, nearest, parseInput, StratctlError, type BadField, type EventRoute, type Route } from "@stratctl/sdk/internal";

/** A request as it came: what is in its path, its query as text, its JSON body where it has one. */
export interface WireRequest {
  readonly path: Readonly<Record<string, string>>;
  readonly query: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Puts what stands in path, query and body together as the one input of a call. Query text is made into lists and left to the
 * call's own schema for the rest; a JSON body is taken as it is. A field that stands where it does not belong, is unknown or
 * is given twice is refused together with all that the schema refuses.
 */
export function inputReader(route: Route | EventRoute): (request: WireRequest) => Readonly<Record<string, unknown>> {
  const { places } = route;
  const shape: Readonly<Record<string, z.core.$ZodType>> = route.input instanceof z.ZodObject ? route.input.shape : {};
  const kinds = new Map(Object.entries(shape).map(([field, schema]) => [field, kindOf(schema)]));
  return ({ path, query, body = {} }) => {
    const input = new Map<string, unknown>();
    const bad: BadField[] = [];
    const take = (field: string, value: unknown): void => {
      if (kinds.get(field) === "number" && typeof value === "string" && !/^-?\d{1,15}$/.test(value))
        bad.push({ field, message: `${field} must be a whole number, not ${shown(value)}` });
      else input.set(field, value);
    };
    for (const field of places.path) if (path[field] !== LEFT_OUT || kinds.get(field) === "number") take(field, path[field]);
    for (const [field, values] of queryFields(query, bad)) {
      if (!places.query.includes(field)) bad.push({ field, message: misplaced(field, places, "query") });
      else if (kinds.get(field) === "list") take(field, values);
      else if (values.length > 1) bad.push({ field, message: `${field} is given ${values.length} times in the query` });
      else take(field, values[0]);
    }
    for (const [field, value] of Object.entries(body)) {
      if (places.body.includes(field)) take(field, value);
      else bad.push({ field, message: misplaced(field, places, "body") });
    }
    // Not `input[field] = value`: a field may be called __proto__.
    const flat = Object.fromEntries(input);
    if (bad.length === 0) return flat;
    // A field that was refused here is missing there, which is no second fault of it.
    throw refusal([
      ...bad,
      ...refusedBy(route.input, flat).filter(({ field }) => input.has(field) || !bad.some((one) => one.field === field)),
    ]);
  };
}

type Kind = "list" | "number" | "text";

/** What a field's text is made into: several where it takes a list; a number in digits only, so that 1e3 and 0x1 are none. */
function kindOf(schema: z.core.$ZodType): Kind {
  if (schema instanceof z.ZodArray) return "list";
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) return kindOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return kindOf(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.some((option) => kindOf(option) === "list") ? "list" : "text";
  return "text";
}

/** The fields of a query with all their values, in order: a `+` is a space. What is no percent-encoding is put to `bad`. */
function queryFields(query: string, bad: BadField[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const end = pair.indexOf("=");
    const [name, value] = [end === -1 ? pair : pair.slice(0, end), end === -1 ? "" : pair.slice(end + 1)].map(decoded);
    if (name == null || value == null) {
      const field = name ?? "query";
      bad.push({ field, message: `${field} ${shown(pair)} is not valid percent-encoding` });
    } else fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  return fields;
}

function decoded(text: string): string | null {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

function misplaced(field: string, places: Route["places"], where: "query" | "body"): string {
  if (places.path.includes(field)) return `${field} belongs to the path, not to the ${where}`;
  if (places.query.includes(field)) return `${field} belongs to the query, not to the ${where}`;
  if (places.body.includes(field)) return `${field} belongs to the body, not to the ${where}`;
  const meant = nearest(field, [...places.query, ...places.body]);
  return `${shownName(field)} is not a field here${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function refusedBy(schema: z.ZodType, given: unknown): readonly BadField[] {
  try {
    parseInput(schema, given);
    return [];
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    return BadFields.parse(error.details["errors"]);
  }
}

const BadFields = z.array(z.object({ field: z.string(), message: z.string() }));

function refusal(errors: readonly BadField[]): StratctlError {
  return new StratctlError("input_invalid", errors[0]?.message ?? "the request is not valid", { details: { errors } });
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}

function shownName(name: string): string {
  return /^\w{1,80}$/.test(name) ? name : shown(name);
}
