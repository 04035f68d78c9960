import { z } from "zod";
import { StratctlError } from "../errors.ts";
import type { DatabaseTarget } from "./db.ts";

interface Where {
  readonly address: string;
  readonly statement: string;
}

/** What errors of pg and of Node's sockets carry. */
const Raw = z.object({
  code: z.string().optional().catch(undefined),
  message: z.string().catch(""),
  constraint: z.string().optional().catch(undefined),
  table: z.string().optional().catch(undefined),
});

/**
 * An error of the driver in our words: database_unreachable where trying again may help, else database_refused. The state and
 * the constraint are in `details`, the driver's error is the cause. Errors of ours pass as they are.
 */
export function databaseError(error: unknown, { address, statement }: Where): StratctlError {
  if (error instanceof StratctlError) return error;
  // Connecting to a name with several addresses fails with all their errors at once.
  const { code, message, constraint, table } = Raw.parse(error instanceof AggregateError ? error.errors[0] : error);
  const details = { address, statement, sqlstate: code ?? null, constraint: constraint ?? null, table: table ?? null };
  const unreachable = unreachableWhy(code, message);
  if (unreachable !== null)
    return new StratctlError("database_unreachable", `database does not answer: ${address} (${unreachable})`, {
      hint: unreachableHint(code, address),
      details,
      cause: error,
    });
  return new StratctlError("database_refused", `database refused: ${refusedWhy(code, message)} (${address})`, {
    hint: refusedHint(code),
    details,
    cause: error,
  });
}

/** What a constraint of a table means, by its name; what a SQLSTATE means where no constraint is named. */
export type Refusals = Readonly<Record<string, (cause: StratctlError) => StratctlError>>;

/** Runs `work`; a constraint that refuses it becomes the error that the noun names for it. */
export async function refusing<Result>(refusals: Refusals, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    const meant = refusals[String(error.details["constraint"] ?? error.details["sqlstate"])];
    throw meant?.(error) ?? error;
  }
}

/** The SQLSTATE of a failed statement, or null. */
export function sqlstateOf(error: unknown): string | null {
  const state = error instanceof StratctlError ? error.details["sqlstate"] : null;
  return typeof state === "string" ? state : null;
}

/**
 * Runs a single statement again where another writer was in its way: a deadlock of which it was the victim, or a strategy that
 * was removed while it ran. Inside a transaction, which such an error ends, it fails with that error.
 */
export async function retried<Result>(statement: () => Promise<Result>): Promise<Result> {
  let passing: unknown;
  for (let tries = 1; ; tries += 1) {
    try {
      return await statement();
    } catch (error) {
      const state = sqlstateOf(error) ?? "";
      if (state === TRANSACTION_FAILED) throw passing ?? error;
      if (tries === TRIES_MAX || !PASSING.has(state)) throw error;
      passing = error;
    }
  }
}

/** Each time the other writer gets through: a third meeting is rare, a fifth a sign of something else. */
const TRIES_MAX = 5;

const TRANSACTION_FAILED = "25P02";

/** deadlock_detected, serialization_failure, foreign_key_violation */
const PASSING = new Set(["40P01", "40001", "23503"]);

/**
 * Whether it was a row that was refused, and not the statement: a constraint, a value out of range, an exception that a trigger
 * raises, a value that no column can be made of. The other rows may be written without it.
 */
export function isOfTheRow(error: unknown): boolean {
  return /^(2[23]|44|P0001|54000)/.test(sqlstateOf(error) ?? "") || (error instanceof StratctlError && error.code === "internal");
}

/** Where a database is, without user and password. */
export function addressOf(target: DatabaseTarget): string {
  if (typeof target !== "string") return target.host.startsWith("/") ? target.host : `${target.host}:${target.port ?? 5432}`;
  if (!URL.canParse(target)) return "a URL that is none";
  const url = new URL(target);
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname);
  return host.startsWith("/") ? host : `${host || "localhost"}:${url.port || 5432}`;
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name not found",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection cut",
  EPIPE: "connection cut",
  ENOENT: "no such socket",
  EACCES: "the socket may not be used",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  "57P01": "shutting down",
  "57P02": "it crashed",
  "57P03": "starting up",
  "53300": "too many connections",
  "57014": "statement took too long",
  "55P03": "a lock was not to be had",
  "25P03": "transaction was idle too long",
  "25P04": "transaction took too long",
  "57P05": "session was idle too long",
  "53200": "out of memory",
  "40001": "another session was in the way",
  "40P01": "another session was in the way",
};

function unreachableWhy(code: string | undefined, message: string): string | null {
  if (code !== undefined) return UNREACHABLE[code] ?? (code.startsWith("08") ? "connection lost" : null);
  if (/timeout/i.test(message)) return "no answer in time";
  if (/terminated|not queryable|connection error|closed/i.test(message)) return "connection lost";
  return null;
}

/** It answered, and could not do it just now. */
const BUSY = new Set(["53300", "53200", "57014", "55P03", "25P03", "25P04", "40001", "40P01"]);

function unreachableHint(code: string | undefined, address: string): string {
  if (code !== undefined && BUSY.has(code)) return "try again; the server is overloaded, or another session holds a lock";
  if (address.startsWith("/")) return "stratctl db status tells about the built-in database; for another, check DATABASE_URL";
  return "check DATABASE_URL, or unset it to use the built-in database";
}

const REFUSED: Readonly<Record<string, string>> = {
  "28P01": "wrong password",
  "28000": "login not allowed",
  "3D000": "no such database",
  "25006": "it is read-only",
  "42501": "permission denied",
  "53100": "its disk is full",
  "58030": "its disk fails",
  // Statements are prepared on a connection, and come upon another: a pooler that shares connections out by transaction.
  "42P05": "a pooler changes connections between statements",
  "26000": "a pooler changes connections between statements",
};

function refusedWhy(code: string | undefined, message: string): string {
  if (code !== undefined && REFUSED[code] !== undefined) return REFUSED[code];
  // The driver's words where the URL has no password and the server wants one.
  if (/password must be a/.test(message)) return "it wants a password";
  return message === "" ? "no reason given" : message;
}

function refusedHint(code: string | undefined): string | undefined {
  if (code === "28P01" || code === "28000") return "check the user and the password in DATABASE_URL";
  if (code === "3D000") return "create it, or name another at the end of DATABASE_URL";
  if (code === "25006") return "give the URL of the primary server";
  if (code === "42P05" || code === "26000") return "give the URL of the server itself, or let the pooler pool by session";
  return undefined;
}
