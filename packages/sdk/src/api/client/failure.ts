import { z } from "zod";
import { ERRORS, StratctlError } from "../../errors.ts";
import { errorOf, Problem } from "../problem.ts";
import type { WireRequest } from "./request.ts";

/**
 * Whether another attempt at the same call can do good:
 * `unsent` it never left, or was refused before anything was done, so that any call may be made again; `safe` it may have been
 * done, and only a call that is harmless twice may be made again; `running` an earlier attempt of it is still at work; `token` with a fresh token only; `no` never.
 */
type Again = "unsent" | "safe" | "running" | "token" | "no";

/** Why an attempt gave no answer. */
export interface Failure {
  readonly error: StratctlError;
  readonly again: Again;
  /** How long the server asks to be left alone, in milliseconds; null where it does not say. */
  readonly wait_ms: number | null;
}

/** Errors of a connection before the request left. */
const UNSENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection cut",
  EPIPE: "connection cut",
  UND_ERR_SOCKET: "connection cut",
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name not found",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "host unreachable",
  ETIMEDOUT: "no answer in time",
  UND_ERR_CONNECT_TIMEOUT: "no answer in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "the answer stopped halfway",
};

/** An error of a socket, of TLS or of what reads HTTP. Its own words and what it holds stay here: they may be of the answer. */
export function connectionFailure(error: unknown, { method }: Pick<WireRequest, "method">, server: string): Failure {
  // A name with several addresses fails with the errors of all of them.
  const { code, syscall } = Raw.parse(error instanceof AggregateError ? error.errors[0] : error);
  if (code === "UND_ERR_CLOSED" || code === "UND_ERR_DESTROYED")
    return { ...unreachable(server, "this client is closed", null), again: "no" };
  if (code.startsWith("HPE_") || code === "UND_ERR_HEADERS_OVERFLOW")
    return { error: strange(`${server} does not speak HTTP as it should`, code), again: "no", wait_ms: null };
  if (code.startsWith("Z_")) return { error: strange(`the answer of ${server} cannot be unpacked`, code), again: "no", wait_ms: null };
  if (/TLS|SSL|CERT|SIGNED|VERIFY/.test(code))
    return { ...unreachable(server, `its certificate is not trusted: ${code}`, "give its authority in NODE_EXTRA_CA_CERTS"), again: "no" };
  const why = WHY[code] ?? (code === "" ? "connection failed" : code);
  if (UNSENT.has(code) || syscall === "connect")
    return { ...unreachable(server, why, "is `stratctl daemon` running there? check the URL"), again: "unsent" };
  const hint =
    method === "GET"
      ? null
      : `it may have been done all the same: look before calling again${method === "POST" ? ", or give an idempotency_key" : ""}`;
  return { ...unreachable(server, why, hint), again: "safe" };
}

const Raw = z.object({ code: z.string().catch(""), syscall: z.string().catch("") }).catch({ code: "", syscall: "" });

function unreachable(server: string, why: string, hint: string | null): Omit<Failure, "again"> {
  const error = new StratctlError("server_unreachable", `the server does not answer: ${server} (${why})`, {
    hint: hint ?? undefined,
    details: { server, why },
  });
  return { error, wait_ms: null };
}

/** An answer that is none of the contract's. */
function strange(message: string, why: string): StratctlError {
  return new StratctlError("answer_invalid", message, { hint: "is the URL that of stratctl's server?", details: { why } });
}

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body; null where it is too long to be a problem's. */
  readonly text: string | null;
}

/** Statuses that say "not now", whoever says it. */
const NOT_NOW: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What a server of ours refuses with before it looks at the call. */
const REFUSED_UNDONE: ReadonlySet<string> = new Set(["rate_limited", "server_busy"]);

/** An answer other than success: the error that a problem tells, or what is known of one that nobody explained. */
export function refusalOf({ status, headers, text }: Refusal, server: string, now_ms: number): Failure {
  const wait_ms = retryAfter(headers["retry-after"], now_ms);
  const problem = problemIn(text);
  const error = problem === null ? unexplained(status, headers["location"], server) : errorOf(problem);
  return { error, again: problem !== null && REFUSED_UNDONE.has(error.code) ? "unsent" : againOf(status, error), wait_ms };
}

function againOf(status: number, { code }: StratctlError): Again {
  if (status === 401) return "token";
  if (code === "idempotency_in_use") return "running";
  return NOT_NOW.has(status) && ERRORS[code].retry ? "safe" : "no";
}

function problemIn(text: string | null): Problem | null {
  try {
    return Problem.safeParse(JSON.parse(text ?? "")).data ?? null;
  } catch {
    return null;
  }
}

/** What stands between client and server answers in pages of its own, of which nothing is shown. */
function unexplained(status: number, location: string | string[] | undefined, server: string): StratctlError {
  const details = { server, status };
  const said = `${server} answered ${status}`;
  if (status >= 300 && status < 400)
    return new StratctlError("answer_invalid", `${said}, a redirect${placeOf(location)}, which is not followed`, {
      hint: "give the URL that it leads to: a token goes nowhere else by itself",
      details,
    });
  if (status === 502 || status === 504)
    return new StratctlError("server_unreachable", `${said}: what stands before the server does not reach it`, {
      hint: "is `stratctl daemon` running behind it?",
      details,
    });
  if (status === 503) return new StratctlError("server_busy", `${said} without saying why`, { hint: "try again", details });
  if (status === 429) return new StratctlError("rate_limited", `${said}: too many requests`, { hint: "ask less often", details });
  if (status === 401) return new StratctlError("token_invalid", `${said}: it does not take the token`, { details });
  const hint = status === 404 ? "is a part of the path missing in the URL?" : "is the URL that of stratctl's server?";
  return new StratctlError("answer_invalid", `${said}, and it is not stratctl's answer`, { hint, details });
}

/** Where a redirect leads, without its query, which may hold anything. */
function placeOf(location: string | string[] | undefined): string {
  const url = typeof location === "string" ? URL.parse(location) : null;
  return url === null ? "" : ` to ${url.origin}${url.pathname}`.slice(0, 200);
}

/** Seconds, or a date of HTTP's. */
function retryAfter(header: string | string[] | undefined, now_ms: number): number | null {
  if (typeof header !== "string") return null;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1_000;
  const at_ms = Date.parse(header);
  return Number.isNaN(at_ms) ? null : Math.max(0, at_ms - now_ms);
}
