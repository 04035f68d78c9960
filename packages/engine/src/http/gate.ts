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

/**
 * Counts requests a minute: by the token's subject, and by address where there is no token or a bad one. A good token is never
 * refused for its address: behind a proxy all share one, and whoever has no token could keep out everybody else.
 */
export function createGate(app: FastifyInstance, { rate_limit, verifier }: { rate_limit: number; verifier: Verifier }): Gate {
  const limits = { max: rate_limit, timeWindow: MINUTE_MS };
  const byAddress = app.createRateLimit(limits);
  const bySubject = app.createRateLimit({ ...limits, keyGenerator: ({ caller }) => caller?.subject ?? "" });

  const pass: Gate["pass"] = async (request) => {
    const count = await byAddress(request);
    if (!count.isAllowed && count.isExceeded) throw rateLimited(count.ttl);
  };
  const enter: Gate["enter"] = async (request) => {
    const caller = await verifier.verify(request.headers.authorization).catch(async (error: unknown) => {
      // Keys that cannot be had just now are no fault of whoever asks.
      if (error instanceof StratctlError && ERRORS[error.code].http === 401) await pass(request);
      throw error;
    });
    request.caller = caller;
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
