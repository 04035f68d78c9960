import type { QuoteSource, SourceClock } from "./source.ts";

export interface TickerOptions {
  /** `http://localhost:8080`; the path of a reverse proxy may follow. */
  readonly url: string;
  /** Requests under way at once; 16. */
  readonly concurrency?: number | undefined;
  /** 100. */
  readonly requests_per_second_max?: number | undefined;
  /** The longest wait that a Retry-After is obeyed for; 60 s. */
  readonly retry_after_ms_max?: number | undefined;
  /** For a service that takes many instruments a request, as Kite does: `{ path: "/quote/ltp", parameter: "i" }`. */
  readonly batch?: { readonly path: string; readonly parameter: string; readonly size_max?: number | undefined } | undefined;
  readonly clock?: SourceClock | undefined;
}

/** The ticker service over HTTP: `GET {url}/quote/{exchange}/{tradingsymbol}` → `last_price` or `ltp`. */
export function tickerSource(_options: TickerOptions): QuoteSource {
  throw new Error("not yet");
}
