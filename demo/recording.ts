import { createRecording, type RecordedQuote } from "@stratctl/sdk/internal";
import type { MadeUpMarket } from "./market.ts";

export interface MadeUpRecording {
  readonly path: string;
  readonly trade_count: number;
  /** What each instrument first traded at. */
  readonly opening: ReadonlyMap<string, RecordedQuote>;
}

/** Writes the trades of a market into a recording, as `stratctl record` would have. */
export async function recordMarket(market: MadeUpMarket, path: string, signal: AbortSignal): Promise<MadeUpRecording> {
  await using writer = await createRecording(path);
  const opening = new Map<string, RecordedQuote>();
  let trade_count = 0;
  for (const trade of market.trades()) {
    if (!opening.has(trade.instrument)) opening.set(trade.instrument, trade);
    writer.write(trade);
    trade_count += 1;
    if (trade_count % BATCH === 0) await writer.advance(trade.at_ms - 1);
    signal.throwIfAborted();
  }
  await writer.close();
  return { path, trade_count, opening };
}

/** Trades held before they are written out: the demo stops on Ctrl-C between two batches. */
const BATCH = 10_000;
