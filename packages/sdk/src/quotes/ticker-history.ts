import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { roundUnits } from "../model/money.ts";
import { instantOf } from "./price.ts";
import { barQuotes, type RecordedQuote } from "./recording-rows.ts";
import type { InstrumentRef } from "./source.ts";
import { tickerUrl } from "./ticker.ts";
import { decoded, reasonOf, secretsOf } from "./unavailable.ts";

export interface HistoryReading {
  /** Of each bar its open and its close, as a recording's. */
  readonly quotes: readonly RecordedQuote[];
  /** Instruments that the service gave no bars of, and why. */
  readonly failures: readonly { readonly instrument: string; readonly why: string }[];
}

export interface HistoryQuery {
  /** The ticker service's, as `ticker_url` has it. */
  readonly url: string;
  readonly instruments: readonly InstrumentRef[];
  readonly from_ms: number;
  readonly to_ms: number;
  /** The sampling interval, which says where a bar's close belongs. */
  readonly every_ms: number;
  readonly signal?: AbortSignal | undefined;
}

const BAR_MS = 60_000;
/** Kite gives 60 days of minutes a request. */
const SPAN_MS_MAX = 30 * 86_400_000;
const ANSWER_MS_MAX = 30_000;

const Price = z.union([z.number(), z.string()]).transform((price) => roundUnits(String(price))?.units ?? null);
const Bar = z.object({ date: z.union([z.string(), z.number()]), open: Price, close: Price });
const Answer = z.object({ candles: z.array(Bar) });

/**
 * Recorded minutes from the ticker service, one instrument after the other:
 * `GET {url}/history?instrument_token&from_ts&to_ts&interval=minute` (epoch seconds) → `candles` of `{ date, open, high, low, close }`.
 * An instrument without a token, unknown to the service or refused by it is told in `failures` and costs no other.
 *
 * @throws StratctlError url_invalid; source_unavailable where the service does not answer at all
 */
export async function readHistory(query: HistoryQuery): Promise<HistoryReading> {
  tickerUrl(query.url);
  const quotes: RecordedQuote[] = [];
  const failures: { instrument: string; why: string }[] = [];
  for (const { instrument, instrument_token } of query.instruments) {
    const told = instrument_token === null ? "its instrument_token is not known" : await barsOf(query, { instrument, instrument_token });
    if (typeof told === "string") failures.push({ instrument, why: told });
    else for (const quote of told) quotes.push(quote);
  }
  return { quotes, failures };
}

/** The quotes of an instrument's bars, or why there are none. */
async function barsOf(
  { url, from_ms, to_ms, every_ms, signal }: HistoryQuery,
  { instrument, instrument_token }: { instrument: string; instrument_token: number },
): Promise<RecordedQuote[] | string> {
  const quotes: RecordedQuote[] = [];
  for (let start_ms = from_ms; start_ms <= to_ms; start_ms += SPAN_MS_MAX) {
    const end_ms = Math.min(start_ms + SPAN_MS_MAX, to_ms);
    const range = { instrument_token: String(instrument_token), from_ts: seconds(start_ms), to_ts: seconds(end_ms), interval: "minute" };
    const answer = await asked(url, `history?${new URLSearchParams(range).toString()}`, signal);
    if (typeof answer === "string") return answer;
    for (const { date, open, close } of answer.candles) {
      const at_ms = instantOf(date);
      if (at_ms === null) return `a bar's date is no time: ${JSON.stringify(date)}`;
      quotes.push(...barQuotes({ at_ms, instrument, open_units: open, close_units: close, bar_ms: BAR_MS, every_ms }));
    }
  }
  return quotes.length === 0 ? "no bars of that time" : quotes;
}

async function asked(url: string, path: string, signal: AbortSignal | undefined): Promise<z.output<typeof Answer> | string> {
  const base = tickerUrl(url);
  const { username, password } = base;
  base.username = "";
  base.password = "";
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
  const timeout = AbortSignal.timeout(ANSWER_MS_MAX);
  try {
    const response = await fetch(`${base.href.replace(/\/$/, "")}/${path}`, {
      headers: username === "" && password === "" ? {} : { authorization: `Basic ${credentials}` },
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    if (!response.ok) return response.status === 404 ? "404: the ticker does not know its token" : String(response.status);
    const answer = Answer.safeParse(await response.json());
    return answer.success ? answer.data : "the answer has no candles of { date, open, high, low, close }";
  } catch (cause) {
    if (signal?.aborted) throw new StratctlError("interrupted", "interrupted while the ticker was asked", { cause });
    if (cause instanceof SyntaxError) return "the answer is not JSON";
    const why = timeout.aborted ? `no answer within ${ANSWER_MS_MAX} ms` : reasonOf(cause, secretsOf(url));
    throw new StratctlError("source_unavailable", `ticker: ${why}`, { details: { source: "ticker", why } });
  }
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
