import { ERRORS, Problem } from "@stratctl/sdk/internal";
import { z } from "zod";
import type { Operation } from "./document.ts";

/** What an answer must be, by the OpenAPI document. */

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What any request may be told, whether or not the document lists it for what was meant. */
const GENERAL = new Set([400, 401, 404, 405, 406, 413, 415, 429]);

const CODES: ReadonlyMap<string, number> = new Map(Object.entries(ERRORS).map(([code, { http }]) => [code, http]));

/** Words of the inside: a stack, a statement, a driver. */
const INSIDE =
  /\bat .*(?:file:|node:|\/)\S*:\d+:\d+|\.ts:\d|node_modules|\b(select|insert into|update|delete from) .+ (from|values|set|where)\b|violates|syntax error|ECONN|zod/i;

/** Words of the command line and of scripts, which nobody who calls over HTTP can follow. */
const COMMANDS = /(^|\s)--[a-z]|STRATCTL_|stratctl (?!token$)|connect\(/m;

type Json = Record<string, unknown>;

/** Judges answers; each complaint is one line, none where all is as documented. */
export function createJudge(document: unknown): (operation: Operation | null, method: string, answer: Answer) => string[] {
  const { components } = z
    .object({ components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }) })
    .parse(document);
  const schemas = new Map<object, z.ZodType>();
  const schemaOf = (schema: Json): z.ZodType => {
    const known = schemas.get(schema);
    if (known !== undefined) return known;
    const $defs = Object.fromEntries(Object.entries(components.schemas).map(([name, named]) => [name, within(strict(named))]));
    const made = z.fromJSONSchema({ ...within(strict(schema)), $defs });
    schemas.set(schema, made);
    return made;
  };

  return (operation, method, answer) => {
    const { status, headers, body } = answer;
    const type = (headers["content-type"] ?? "").split(";")[0] ?? "";
    if (status >= 500 && status !== 503) return [`a fault: ${body.slice(0, 300)}`];
    const said = headers["x-request-id"] === undefined ? ["no X-Request-ID"] : [];
    if (method === "HEAD" || status === 304 || status === 204) return body === "" ? said : [...said, `${status} has a body`];
    if (type === "application/problem+json") said.push(...problemFaults(answer));
    const documented = operation?.responses[String(status)];
    if (documented === undefined) {
      if (!GENERAL.has(status)) return [...said, `status ${status} is not documented`];
      return type === "application/problem+json" ? said : [...said, `${status} is ${type}, no problem`];
    }
    const content = documented.content?.[type];
    if (content === undefined) return [...said, `${status} is ${type}, documented: ${Object.keys(documented.content ?? {}).join()}`];
    if (!type.endsWith("json")) return said;
    const parsed = schemaOf(content.schema).safeParse(JSON.parse(body));
    return parsed.success ? said : [...said, `${status} breaks its schema: ${z.prettifyError(parsed.error).slice(0, 300)}`];
  };
}

function problemFaults({ status, headers, body }: Answer): string[] {
  const parsed = Problem.safeParse(JSON.parse(body));
  if (!parsed.success) return [`no well-formed problem: ${body.slice(0, 200)}`];
  const problem = parsed.data;
  const faults: string[] = [];
  if (problem.status !== status) faults.push(`says ${problem.status} under ${status}`);
  if (CODES.get(problem.code) !== status) faults.push(`${problem.code} under ${status}`);
  if (problem.request_id !== headers["x-request-id"]) faults.push("another request_id than the header's");
  if (problem.detail.trim() === "" || problem.detail.length > 2_000) faults.push(`detail is no one line: ${problem.detail.slice(0, 80)}`);
  if (/\p{Cc}/u.test(problem.detail)) faults.push(`detail holds a control character: ${JSON.stringify(problem.detail)}`);
  if (COMMANDS.test(`${problem.detail} ${problem.hint ?? ""}`)) faults.push(`is for who types commands: ${problem.hint}`);
  if (INSIDE.test(problem.detail)) faults.push(`tells of the inside: ${problem.detail}`);
  if (status === 401 && headers["www-authenticate"] === undefined) faults.push("401 without WWW-Authenticate");
  if (status === 405 && headers["allow"] === undefined) faults.push("405 without Allow");
  if (status === 429 && headers["retry-after"] === undefined) faults.push("429 without Retry-After");
  return faults;
}

/** The document lets answers gain fields; this server has none that it does not tell. Problems may carry more. */
function strict(schema: Json): Json {
  const closed = Object.entries(schema).map(([key, value]) => [key, key === "allOf" ? value : closedWithin(value)]);
  const open = "properties" in schema && !("additionalProperties" in schema);
  return { ...Object.fromEntries(closed), ...(open ? { additionalProperties: false } : {}) };
}

function closedWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedWithin);
  return typeof value === "object" && value !== null ? strict({ ...value }) : value;
}

/** References as a schema alone has them. */
function within(schema: Json): Json {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/")));
}
