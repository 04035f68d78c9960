import { StratctlError } from "../../packages/sdk/src/errors.ts";
import type { InstrumentRef, QuoteSource } from "../../packages/sdk/src/quotes/source.ts";

/** An instrument as a source is asked for it. */
export const ref = (instrument: string, instrument_token: number | null = null): InstrumentRef => {
  const [exchange = "", tradingsymbol = ""] = instrument.split(":");
  return { instrument, exchange, tradingsymbol, instrument_token };
};

/** What a source told, by instrument. */
export interface Read {
  readonly prices: Record<string, number>;
  readonly refused: Record<string, string>;
  readonly absent: Record<string, string>;
  readonly at: Record<string, number | null>;
  readonly error: string | null;
  readonly took_ms: number;
}

/** Reads a source into plain objects; `error` is the text of its source_unavailable, or names what it must not have thrown. */
export async function readAll(source: QuoteSource, asked: readonly (string | InstrumentRef)[], deadline_ms = 5_000): Promise<Read> {
  const instruments = asked.map((one) => (typeof one === "string" ? ref(one) : one));
  const read: Omit<Read, "error" | "took_ms"> = { prices: {}, refused: {}, absent: {}, at: {} };
  const name = (index: number): string => instruments[index]?.instrument ?? "?";
  const start_ms = performance.now();
  const error = await source
    .read(
      instruments,
      {
        quote: (index, price_units, at_ms) => {
          read.prices[name(index)] = price_units / 10_000;
          read.at[name(index)] = at_ms;
        },
        refused: (index, why) => (read.refused[name(index)] = why),
        absent: (index, why) => (read.absent[name(index)] = why),
      },
      { deadline_ms },
    )
    .then(
      () => null,
      (failure: unknown) =>
        failure instanceof StratctlError && failure.code === "source_unavailable" ? failure.message : `not ours: ${String(failure)}`,
    );
  return { ...read, error, took_ms: performance.now() - start_ms };
}
