import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ERRORS, StratctlError, type Caller } from "@stratctl/sdk/internal";
import type { Verifier } from "./access.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; null on a route that wants no token. */
    caller: Caller | null;
  }
}

export interface Gate {
  /** Lets a request with a good token in, and counts it to the token's subject. Rejects with token_required, token_invalid, rate_limited. */
  readonly enter: (request: FastifyRequest) => Promise<Caller>;
  /** Counts a request that wants no token to its address. Rejects with rate_limited. */
  readonly pass: (request: FastifyRequest) => Promise<void>;
}

const MINUTE_MS = 60_000;

/** Tokens that were good lately, at most; by digest, since a token is nothing to keep. */
const KNOWN_MAX = 10_000;

/**
 * Counts requests a minute: by the token's subject, and by address where there is no token or a bad one. An address that has
 * spent its minute on bad tokens is refused before another is looked at, but not with a token that was good lately: behind a
 * proxy all share an address.
 */
export function createGate(app: FastifyInstance, { rate_limit, verifier }: { rate_limit: number; verifier: Verifier }): Gate {
  const limits = { max: rate_limit, timeWindow: MINUTE_MS };
  const byAddress = app.createRateLimit(limits);
  const bySubject = app.createRateLimit({ ...limits, keyGenerator: ({ caller }) => caller?.subject ?? "" });
  const known = new KnownTokens();

  const pass: Gate["pass"] = async (request) => {
    const count = await byAddress(request);
    if (!count.isAllowed && count.isExceeded) throw rateLimited(count.ttl);
  };
  const enter: Gate["enter"] = async (request) => {
    const { authorization } = request.headers;
    const digest = authorization === undefined ? null : createHash("sha256").update(authorization).digest("base64url");
    if (digest === null || !known.has(digest)) {
      const spent = await byAddress(request, { increment: false });
      if (!spent.isAllowed && spent.remaining === 0) throw rateLimited(spent.ttl);
    }
    const caller = await verifier.verify(authorization).catch(async (error: unknown) => {
      // Keys that cannot be had just now are no fault of whoever asks.
      if (error instanceof StratctlError && ERRORS[error.code].http === 401) await pass(request);
      throw error;
    });
    request.caller = caller;
    if (digest !== null) known.add(digest);
    const count = await bySubject(request);
    if (!count.isAllowed && count.isExceeded) throw rateLimited(count.ttl);
    return caller;
  };
  return { enter, pass };
}

function rateLimited(ttl_ms: number): StratctlError {
  const retry_after_s = Math.max(1, Math.ceil(ttl_ms / 1000));
  return new StratctlError("rate_limited", `too many requests within a minute; the next is taken in ${retry_after_s} s`, {
    details: { retry_after_s },
  });
}

/** Two halves: when the newer is full the older is forgotten. */
class KnownTokens {
  #newer = new Set<string>();
  #older = new Set<string>();

  has(digest: string): boolean {
    return this.#newer.has(digest) || this.#older.has(digest);
  }

  add(digest: string): void {
    if (this.#newer.size >= KNOWN_MAX / 2 && !this.#newer.has(digest)) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(digest);
  }
}
