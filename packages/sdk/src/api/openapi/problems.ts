import { ERRORS, type ErrorCode } from "../../errors.ts";
import type { EventRoute, Route } from "../route.ts";
import type { Json } from "./schemas.ts";

/** What any call may be answered with, whatever it asks. */
const ANYWHERE: readonly ErrorCode[] = [
  "input_invalid",
  "not_acceptable",
  "rate_limited",
  "internal",
  "database_unreachable",
  "database_refused",
  "database_behind",
  "database_newer",
  "database_foreign",
  "embedded_unavailable",
  "embedded_version",
  "server_busy",
  "interrupted",
];
const WITH_TOKEN: readonly ErrorCode[] = ["token_required", "token_invalid", "scope_missing", "account_forbidden"];
const WITH_BODY: readonly ErrorCode[] = ["body_too_large", "media_type_unsupported"];
const OF_PRICES: readonly ErrorCode[] = ["source_unavailable"];

const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not valid",
  401: "No token, or not a good one",
  403: "The token does not allow this",
  404: "Not found, or not yours",
  406: "The answer is JSON, and that is not accepted",
  409: "Refused by the state of things",
  413: "The body is too large",
  415: "The body is not application/json",
  422: "Understood, but it cannot be done",
  429: "Too many requests with this token",
  500: "A fault of the server's",
  503: "The server, its database or its prices cannot answer now",
};

/** Every problem that a route answers with, by HTTP status. */
export function problemsOf(route: Route | EventRoute): Json {
  const body = route.places.body.length > 0 ? WITH_BODY : [];
  const prices = route.errors.some((code) => code === "quote_missing") ? OF_PRICES : [];
  return problems([...ANYWHERE, ...WITH_TOKEN, ...route.errors, ...body, ...prices]);
}

/** Problems of what needs no token. */
export function openProblems(codes: readonly ErrorCode[]): Json {
  return problems(codes);
}

function problems(codes: readonly ErrorCode[]): Json {
  const statuses = [...new Set(codes.map((code) => ERRORS[code].http))].toSorted((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      problem(
        status,
        [...new Set(codes)].filter((code) => ERRORS[code].http === status),
      ),
    ]),
  );
}

function problem(status: number, codes: readonly ErrorCode[]): Json {
  const waits = status === 429 || status === 503 ? { "Retry-After": { $ref: "#/components/headers/RetryAfter" } } : {};
  const challenge = status === 401 ? { "WWW-Authenticate": { $ref: "#/components/headers/Challenge" } } : {};
  return {
    description: `${TITLES[status] ?? "Refused"}: ${codes.map((code) => `\`${code}\``).join(", ")}.`,
    headers: { "X-Request-ID": { $ref: "#/components/headers/RequestId" }, ...waits, ...challenge },
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Problem" },
            { type: "object", properties: { status: { type: "integer", const: status }, code: { type: "string", enum: codes } } },
          ],
        },
      },
    },
  };
}
