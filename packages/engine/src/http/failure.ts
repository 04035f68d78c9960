import { z } from "zod";
import { ERRORS, StratctlError, type Problem } from "@stratctl/sdk/internal";

/** What errors of Fastify carry. */
const Raw = z.object({ code: z.string().catch(""), name: z.string().catch(""), statusCode: z.number().optional().catch(undefined) });

/** Any error as one of ours: Fastify's own for a request that it cannot read, what was cut off by a stop, and faults nobody foresaw. */
export function failureOf(error: unknown): StratctlError {
  if (error instanceof StratctlError) return error;
  const { code, name, statusCode } = Raw.parse(typeof error === "object" && error !== null ? error : {});
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return new StratctlError("body_too_large", "the body is larger than 64 KiB", { cause: error });
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return new StratctlError("media_type_unsupported", "the Content-Type is not one taken here", {
      hint: "send JSON, with Content-Type: application/json",
      cause: error,
    });
  if (code === "FST_ERR_BAD_URL") return new StratctlError("input_invalid", "the path is not valid percent-encoding", { cause: error });
  if (code === "FST_ERR_CTP_INVALID_CONTENT_LENGTH")
    return new StratctlError("input_invalid", "the body is not as long as its Content-Length says", { cause: error });
  if (name === "AbortError") return new StratctlError("interrupted", "the server is stopping", { cause: error });
  if (statusCode === 404) return new StratctlError("route_unknown", "there is nothing at that path", { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new StratctlError("input_invalid", "the request cannot be read", { cause: error });
  return new StratctlError("internal", error instanceof Error ? error.message : String(error), { cause: error });
}

/** The title of a problem's status, as HTTP has it. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * The error as it goes over the wire. A fault of ours says that there is one and nothing else; the database's addresses and words
 * are for the log of the server, and no business of whoever calls.
 */
export function problemOf(error: StratctlError, request_id: string): Problem {
  const { code } = error;
  const { http: status, exit } = ERRORS[code];
  const { errors, ...details } = error.details;
  const isOurs = code === "internal" || exit === ERRORS.database_unreachable.exit;
  return {
    type: `urn:stratctl:error:${code}`,
    title: TITLES[status] ?? "Error",
    status,
    detail: code === "internal" ? "fault in stratctl" : isOurs ? ofDatabase(code) : error.message,
    code,
    hint: isOurs ? null : error.hint,
    ...(errors === undefined ? {} : { errors: BadFields.parse(errors) }),
    ...(isOurs || Object.keys(details).length === 0 ? {} : { details }),
    request_id,
  };
}

const BadFields = z.array(z.object({ field: z.string(), message: z.string() }));

function ofDatabase(code: string): string {
  return code === "database_unreachable" ? "the server's database does not answer" : "the server's database cannot be used";
}

export const PROBLEM_TYPE = "application/problem+json";

/** Seconds after which a call that may succeed unchanged is worth another try; null where it is not, or nobody knows. */
export function retryAfterOf({ code, details }: StratctlError): number | null {
  const told = details["retry_after_s"];
  if (typeof told === "number") return Math.max(1, Math.ceil(told));
  return ERRORS[code].retry && ERRORS[code].http === 503 ? 1 : null;
}
