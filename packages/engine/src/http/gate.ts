import type { FastifyInstance, FastifyRequest } from "fastify";
import { ERRORS, StratctlError } from "@stratctl/sdk/internal";
import type { TokenCaller, Verifier } from "./access.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; null on a route that wants no token. */
    caller: TokenCaller | null;
  }
}

export interface Gate {
  /** Lets a request with a good token in, and counts it to the token. Rejects with token_required, token_invalid, rate_limited. */
  readonly enter: (request: FastifyRequest) => Promise<TokenCaller>;
  /** Counts a request that wants no token to its address. Rejects with rate_limited. */
  readonly pass: (request: FastifyRequest) => Promise<void>;
}

const MINUTE_MS = 60_000;

/**
 * Counts requests a minute: by token, and by address where there is no token or a bad one. A good token is never
 * refused for its address: behind a proxy all share one, and whoever has no token could keep out everybody else.
 */
export function createGate(app: FastifyInstance, { rate_limit, verifier }: { rate_limit: number; verifier: Verifier }): Gate {
  const limits = { max: rate_limit, timeWindow: MINUTE_MS };
  const byAddress = app.createRateLimit(limits);
  const byToken = app.createRateLimit({ ...limits, keyGenerator: ({ caller }) => caller?.token_digest ?? "" });

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
    const count = await byToken(request);
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
