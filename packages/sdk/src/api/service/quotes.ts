import { StratctlError } from "../../errors.ts";
import { parseInstrument, withExchange } from "../../market/instrument.ts";
import type { Quote } from "../../model/quote.ts";
import { QuoteBoard } from "../../quotes/board.ts";
import { Fallback } from "../../quotes/fallback.ts";
import type { InstrumentRef } from "../../quotes/source.ts";
import { contract, type Api } from "../contract.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";

/** A person waits: longer than a sample may, short of annoying. */
const DEADLINE_MS = 5_000;

export function quoteCalls(context: Context): Api["quotes"] {
  return {
    get: call(context, contract.quotes.get, async ({ i: asked }, { signal }) => {
      const refs = asked.map((text) => parseInstrument(withExchange(text))).map((known) => ({ ...known, instrument_token: null }));
      return quotesNow(context, refs, signal);
    }),
  };
}

/** What the sources say now, in the order asked; an instrument asked for twice is answered twice. */
export async function quotesNow(context: Context, refs: readonly InstrumentRef[], signal?: AbortSignal): Promise<Quote[]> {
  if (refs.length === 0) return [];
  const board = new QuoteBoard([...new Map(refs.map((ref) => [ref.instrument, ref])).values()]);
  const fallback = new Fallback({ sources: context.sources, deadline_ms: DEADLINE_MS });
  await fallback.refresh(board, context.now(), performance.now(), { signal });
  const now_ms = context.now();
  const quotes = new Map(board.instruments.map(({ instrument }, index) => [instrument, board.quote(index, now_ms)]));
  return refs.map(({ instrument }) => {
    const quote = quotes.get(instrument);
    if (quote === undefined) throw new StratctlError("internal", `${instrument} was asked for and is not on the board`);
    return quote;
  });
}

export async function quoteNow(context: Context, ref: InstrumentRef, signal?: AbortSignal): Promise<Quote> {
  const [quote] = await quotesNow(context, [ref], signal);
  if (quote === undefined) throw new StratctlError("internal", `no answer for ${ref.instrument}`);
  return quote;
}
