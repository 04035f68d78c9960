import type { z } from "zod";
import type { Candle, M2mQuery } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";
import type { Api, contract } from "./contract.ts";
import type { CallOptions, Calls } from "./route.ts";

/** Candles of one call: some hundred kilobytes on the wire. */
const AT_ONCE = 5_000;

/** The calls of the contract and what is made of them, the same in process and over HTTP. */
export function withEach(calls: Calls<typeof contract>): Api {
  const { m2m } = calls.strategies;
  return { ...calls, strategies: { ...calls.strategies, m2m: { ...m2m, each: (query, options) => each(m2m, query, options) } } };
}

async function* each(
  { history }: Pick<Api["strategies"]["m2m"], "history">,
  query: Omit<z.input<typeof M2mQuery>, "limit">,
  options: CallOptions = {},
): AsyncGenerator<Candle, void, undefined> {
  for (let from_time = query.from_time; ;) {
    const { day, ...rest } = query;
    const range = from_time === query.from_time ? { ...rest, day } : { ...rest, from_time };
    const candles = await history({ ...range, limit: AT_ONCE }, options);
    yield* candles;
    const last = candles.at(-1);
    if (last === undefined || candles.length < AT_ONCE) return;
    from_time = isoOf(Date.parse(last.timestamp) + 1);
  }
}
