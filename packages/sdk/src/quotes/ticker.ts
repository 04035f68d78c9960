import type { Pool } from "undici";
import { StratctlError } from "../errors.ts";
import { isRecord, tellBody, tellText } from "./price.ts";
import {
  systemClock,
  type Allowance,
  type InstrumentRef,
  type QuoteSink,
  type QuoteSource,
  type ReadOptions,
  type SourceClock,
} from "./source.ts";
import { TickerRate, type Gate } from "./ticker-rate.ts";
import { decoded, reasonOf, secretsOf, unavailable } from "./unavailable.ts";

export interface TickerOptions {
  /** `http://localhost:8080`; a path is put before those below, a user and password go into the header. */
  readonly url: string;
  /** The most that a read may take; an equal share of the time where it is left out. */
  readonly deadline_ms?: number | undefined;
  /** Requests under way at once; 16. */
  readonly concurrency?: number | undefined;
  /** 100. Kite allows 1. */
  readonly requests_per_second_max?: number | undefined;
  /** The longest wait that a Retry-After is obeyed for; 60 000. */
  readonly retry_after_ms_max?: number | undefined;
  /**
   * For a service that takes many instruments a request, as Kite does: `{ path: "/quote/ltp", parameter: "i" }`. It
   * answers `{ data: { "NFO:A": { last_price } } }`; an instrument that it does not know is not in the answer.
   */
  readonly batch?: { readonly path: string; readonly parameter: string; readonly size_max?: number | undefined } | undefined;
  /** Whether an answer that calls itself made up is a price; false. */
  readonly allow_mock?: boolean | undefined;
  readonly clock?: SourceClock | undefined;
  /** 0 ≤ n < 1, for waits that do not all end at once; Math.random. */
  readonly random?: (() => number) | undefined;
}

/** One GET, and the instruments (by their place in the list) that it asks about. */
interface Request {
  readonly path: string;
  readonly indexes: readonly number[];
}

/** One read: what of it is still to be asked, and how it went. */
interface Reading {
  /** What may be asked. */
  readonly gate: Gate;
  readonly instruments: readonly InstrumentRef[];
  readonly sink: QuoteSink;
  readonly queue: IterableIterator<Request>;
  readonly end: AbortSignal;
  /** Why it ended before its time. */
  readonly late: () => string;
  answer_count: number;
  /** Of these the answers that are not of a service that works for us, as `faultOf` tells them, and the last of them. */
  fault_count: number;
  fault: string;
  /** Why the last request that got no answer got none. */
  failure: string | null;
}

/** At most this many instruments a request. */
const BATCH_SIZE_MAX = 500;
/** Proxies commonly take a request line of 8 KiB: method, version and a host before it must fit as well. */
const PATH_CHARS_MAX = 7_900;
/** Told of an instrument that was not asked about because the service may not be asked faster. */
const OVER_RATE = "not asked: over its rate";
/** So many options with long names fit into one path: what an allowance may promise. */
const BATCH_SIZE_SURE = 240;
/** 500 instruments with depth are about 1 MB. */
const ANSWER_BYTES_MAX = 16 * 2 ** 20;
/** A service that does not take the connection by then will not answer within a sample. */
const CONNECT_MS_MAX = 2_000;
/** Idle connections outlive the pause between two samples of a minute; the service's own shorter limit is obeyed. */
const KEEP_ALIVE_MS = 60_000;

/**
 * The ticker service over HTTP: `GET {url}/quote/{exchange}/{tradingsymbol}` → `last_price` or `ltp`, with a time where
 * it has one; many at a time where it has a batch form. One that is away, or answers with nothing but faults of its own
 * (5xx), refusals (401, 403), redirections or pages (HTML), is asked again after 1 s, 2 s … 5 s. An order to wait (429, or 503 with Retry-After) is obeyed
 * without holding anybody: until then it is not asked. Throws `url_invalid`.
 *
 * @example
 * const ticker = tickerSource({ url: "http://localhost:8080" });
 */
export function tickerSource(options: TickerOptions): QuoteSource {
  return new TickerSource(options);
}

class TickerSource implements QuoteSource {
  readonly name = "ticker";
  readonly deadline_ms: number | undefined;
  readonly #options: TickerOptions;
  readonly #url: URL;
  readonly #rate: TickerRate;
  #pool: Promise<Pool> | null = null;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.deadline_ms = options.deadline_ms;
    this.#url = tickerUrl(options.url);
    this.#rate = new TickerRate({
      requests_per_second_max: options.requests_per_second_max ?? 100,
      retry_after_ms_max: options.retry_after_ms_max ?? 60_000,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    });
  }

  allowance(): Allowance {
    return this.#allowanceOf(this.#rate);
  }

  read(instruments: readonly InstrumentRef[], sink: QuoteSink, options: ReadOptions): Promise<void> {
    return this.#read(instruments, sink, { ...options, gate: this.#rate });
  }

  forOthers(): QuoteSource {
    const gate = this.#rate.forOthers();
    return {
      name: this.name,
      deadline_ms: this.deadline_ms,
      allowance: () => this.#allowanceOf(gate),
      read: (instruments, sink, options) => this.#read(instruments, sink, { ...options, gate }),
      close: () => Promise.resolve(),
    };
  }

  #allowanceOf(gate: Gate): Allowance {
    const { request_count, why } = gate.allowance();
    const instruments_per_request = this.#options.batch === undefined ? 1 : Math.min(this.#batchSize(), BATCH_SIZE_SURE);
    return { instrument_count: request_count * instruments_per_request, why };
  }

  async #read(
    instruments: readonly InstrumentRef[],
    sink: QuoteSink,
    { deadline_ms, signal, gate }: ReadOptions & { gate: Gate },
  ): Promise<void> {
    const { request_count, why } = gate.allowance();
    if (why !== null) throw unavailable(this.name, why);
    if (request_count === 0) return instruments.forEach((_, index) => sink.absent(index, OVER_RATE));
    const timeout = AbortSignal.timeout(Math.ceil(deadline_ms));
    const end = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    const queue = this.#requests(instruments).values();
    const late = (): string => (signal?.aborted ? "interrupted" : `no answer within ${Math.ceil(deadline_ms)} ms`);
    const reading: Reading = { gate, instruments, sink, queue, end, late, answer_count: 0, fault_count: 0, fault: "", failure: null };
    const pool = await this.#open();
    await Promise.all(Array.from({ length: this.#options.concurrency ?? 16 }, () => this.#ask(pool, reading)));
    if (end.aborted) reading.failure = late();
    const rest = reading.failure ?? this.#rate.waits ?? OVER_RATE;
    for (const { indexes } of queue) for (const index of indexes) sink.absent(index, rest);
    const is_faulty = reading.fault_count > 0 && reading.fault_count === reading.answer_count;
    // What others asked about may be the one thing that it has a fault with: that keeps nobody else from it.
    if (is_faulty && gate !== this.#rate) throw unavailable(this.name, this.#rate.waits ?? reading.fault);
    if (is_faulty) this.#rate.failed(reading.fault);
    else if (reading.answer_count > 0) this.#rate.answered();
    else if (reading.failure !== null) throw unavailable(this.name, signal?.aborted ? reading.failure : this.#rate.failed(reading.failure));
    if (this.#rate.waits !== null) throw unavailable(this.name, this.#rate.waits);
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await (await pool)?.destroy();
  }

  /** Takes requests from the queue, one after another, until it is empty or asking more is pointless. */
  async #ask(pool: Pool, reading: Reading): Promise<void> {
    for (const request of reading.queue) {
      const goes_on = await this.#askOnce(pool, reading, request);
      if (!goes_on) return;
    }
  }

  async #askOnce(pool: Pool, reading: Reading, { path, indexes }: Request): Promise<boolean> {
    const absent = (why: string): void => {
      for (const index of indexes) reading.sink.absent(index, why);
    };
    if (reading.end.aborted || !reading.gate.take()) {
      absent(reading.failure ?? this.#rate.waits ?? OVER_RATE);
      return false;
    }
    try {
      const { statusCode, headers, body } = await pool.request({ method: "GET", path, headers: this.#headers(), signal: reading.end });
      const text = await body.text();
      reading.answer_count += 1;
      const order = this.#rate.orderToWait(statusCode, headers["retry-after"]);
      const fault = faultOf(statusCode, text);
      if (fault !== null) {
        reading.fault_count += 1;
        reading.fault = fault;
      }
      if (order === null && statusCode === 200) this.#tell(reading, indexes, text);
      else absent(order ?? String(statusCode));
      return true;
    } catch (error) {
      reading.failure = reading.end.aborted ? reading.late() : reasonOf(error, secretsOf(this.#options.url));
      absent(reading.failure);
      // One cut connection among many that work costs its own instruments; a service that is away is not asked further.
      return reading.answer_count > 0;
    }
  }

  #tell({ instruments, sink }: Reading, indexes: readonly number[], text: string): void {
    const { batch, allow_mock } = this.#options;
    if (batch === undefined) for (const index of indexes) tellText(sink, index, text, allow_mock);
    else {
      const answers = answersOf(text);
      for (const index of indexes) {
        const instrument = instruments[index]?.instrument ?? "";
        if (answers === null) sink.refused(index, "the answer is not JSON");
        else if (Object.hasOwn(answers, instrument)) tellBody(sink, index, answers[instrument], allow_mock);
        else sink.absent(index, "not in the answer");
      }
    }
  }

  #requests(instruments: readonly InstrumentRef[]): Request[] {
    const base = this.#url.pathname.replace(/\/$/, "");
    const { batch } = this.#options;
    if (batch !== undefined)
      return batches(instruments, { path: `${base}${batch.path}?`, parameter: batch.parameter, size_max: this.#batchSize() });
    return instruments.map(({ exchange, tradingsymbol }, index) => ({
      path: `${base}/quote/${encodeURIComponent(exchange)}/${encodeURIComponent(tradingsymbol)}`,
      indexes: [index],
    }));
  }

  #batchSize(): number {
    return Math.min(this.#options.batch?.size_max ?? BATCH_SIZE_MAX, BATCH_SIZE_MAX);
  }

  #headers(): Record<string, string> {
    const { username, password } = this.#url;
    if (username === "" && password === "") return { accept: "application/json" };
    const login = `${decoded(username)}:${decoded(password)}`;
    return { accept: "application/json", authorization: `Basic ${Buffer.from(login).toString("base64")}` };
  }

  #open(): Promise<Pool> {
    this.#pool ??= import("undici").then(
      ({ Pool: UndiciPool }) =>
        new UndiciPool(this.#url.origin, {
          connections: this.#options.concurrency ?? 16,
          connectTimeout: CONNECT_MS_MAX,
          keepAliveTimeout: KEEP_ALIVE_MS,
          maxResponseSize: ANSWER_BYTES_MAX,
        }),
    );
    return this.#pool;
  }
}

/** Why an answer is none of a service that works for us; null where it may be one, were it "not known". Holds nothing of what was sent. */
function faultOf(status: number, text: string): string | null {
  if (status >= 500) return String(status);
  if (status === 401 || status === 403) return `${status}, wrong or missing credentials`;
  if (status >= 300 && status < 400) return `${status}, sends somewhere else`;
  // A login page, or a proxy's: no service of prices answers so.
  return status === 200 && text.trimStart().startsWith("<") ? "answers with a page (HTML)" : null;
}

/** As many instruments a request as its size and the length of its path allow. */
function batches(
  instruments: readonly InstrumentRef[],
  { path, parameter, size_max }: { path: string; parameter: string; size_max: number },
): Request[] {
  const requests: Request[] = [];
  let indexes: number[] = [];
  let query: string[] = [];
  let chars = path.length;
  for (const [index, { instrument }] of instruments.entries()) {
    // A colon may stand in a query as it is, and two characters less an instrument are worth having.
    const pair = `${parameter}=${encodeURIComponent(instrument).replaceAll("%3A", ":")}`;
    if (indexes.length === size_max || (indexes.length > 0 && chars + pair.length + 1 > PATH_CHARS_MAX)) {
      requests.push({ path: path + query.join("&"), indexes });
      indexes = [];
      query = [];
      chars = path.length;
    }
    indexes.push(index);
    query.push(pair);
    chars += pair.length + 1;
  }
  if (indexes.length > 0) requests.push({ path: path + query.join("&"), indexes });
  return requests;
}

/** Answers by instrument: `{ data: {…} }` or the object itself. Null where the text is not a JSON object. */
function answersOf(text: string): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    if (!isRecord(body)) return null;
    return isRecord(body["data"]) ? body["data"] : body;
  } catch {
    return null;
  }
}

/** The service's address; throws `url_invalid`. */
export function tickerUrl(url: string): URL {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return new URL(url);
  throw new StratctlError("url_invalid", "the URL of the ticker service is not http://host:port or https://host:port", {
    hint: "e.g. http://localhost:8080",
  });
}
