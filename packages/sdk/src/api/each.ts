import type { z } from "zod";
import { M2mQuery, type Candle } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";
import type { Api, contract } from "./contract.ts";
import { parseInput } from "./input.ts";
import type { CallOptions, Calls } from "./route.ts";

/** Candles of one call: some hundred kilobytes on the wire. */
const AT_ONCE = 5_000;

/** The calls of the contract and what is made of them, the same in process and over HTTP. */
export function withEach(calls: Calls<typeof contract>, { at_once = AT_ONCE }: { at_once?: number } = {}): Api {
  const { m2m } = calls.strategies;
  return {
    ...calls,
    strategies: { ...calls.strategies, m2m: { ...m2m, each: (query, options) => each(m2m, query, { ...options, at_once }) } },
  };
}

async function* each(
  { history }: Pick<Api["strategies"]["m2m"], "history">,
  query: Omit<z.input<typeof M2mQuery>, "limit">,
  { at_once, ...options }: CallOptions & { at_once: number },
): AsyncGenerator<Candle, void, undefined> {
  const { day, to_time } = parseInput(M2mQuery, query);
  // A day has some hundred minutes, and only a calendar knows where it ends.
  const limit = day === undefined ? at_once : undefined;
  const to_ms = to_time === undefined ? Infinity : Date.parse(to_time);
  for (let part = query; ;) {
    const candles = await history({ ...part, limit }, options);
    for (const candle of candles) {
      options.signal?.throwIfAborted();
      yield candle;
    }
    const last = candles.at(-1);
    if (limit === undefined || last === undefined || candles.length < limit) return;
    const from_ms = Date.parse(last.timestamp) + 1;
    if (from_ms > to_ms) return;
    part = { ...query, from_time: isoOf(from_ms) };
  }
}
