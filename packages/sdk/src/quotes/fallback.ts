import { assert } from "../errors.ts";
import { STALE_MS_MAX } from "../model/quote.ts";
import type { QuoteBoard } from "./board.ts";
import { Breaker } from "./breaker.ts";
import { Due } from "./due.ts";
import { NIFTY_50, systemClock, type QuoteSink, type QuoteSource, type SourceClock } from "./source.ts";
import { reasonOf, unavailable } from "./unavailable.ts";

export interface FallbackOptions {
  /** The order in which they are asked. */
  readonly sources: readonly QuoteSource[];
  /** A price older than this is stale, and the next source is asked about it; 60 000. */
  readonly stale_ms_max?: number | undefined;
  /** How long one refresh may take; the sources share it. 800, for samples of a second. */
  readonly deadline_ms?: number | undefined;
  readonly clock?: SourceClock | undefined;
  /** 0 ≤ n < 1, for waits that do not all end at once; Math.random. */
  readonly random?: (() => number) | undefined;
}

export interface SourceStatus {
  readonly name: string;
  /** Null until it answered, refused, or twice let its time go by: the first of these may be a connection that is being made. */
  readonly up: boolean | null;
  /** What keeps it: `connection refused`, `429, waits 3 s`. */
  readonly reason: string | null;
  /** The instant of the pass in which `up` last changed. */
  readonly since_ms: number | null;
  /** Prices that it gave in the last pass. */
  readonly quote_count: number;
}

/** A source, how it stands, and what it may be asked for which board. */
interface Member {
  readonly source: QuoteSource;
  /** The feed: asked in every pass about everything. The others stand in for it. */
  readonly is_first: boolean;
  readonly due: WeakMap<QuoteBoard, Due>;
  readonly breaker: Breaker;
  status: SourceStatus;
  /** The monotonic time of the pass in which it was last asked. */
  asked_in_ms: number;
  /** When it is probed again, while it is down. */
  readonly probes: Breaker;
  /** The probe that is under way. */
  probing: AbortController | null;
  /** It was found to be back by a probe, which nobody was told yet. */
  is_back: boolean;
}

/** One pass over one board. */
interface Pass {
  readonly board: QuoteBoard;
  readonly now_ms: number;
  readonly monotonic_ms: number;
  readonly signal: AbortSignal | undefined;
}

/** The part of its time that a source is told of: one that ends by itself says more than one that must be left behind. */
const TOLD_PART = 0.9;
/** The part of the whole time that each source keeps, however long those before it may take. */
const KEPT_PART = 0.1;
/** A failure that took this part of its time was not told, but waited for. */
const SLOW_PART = 0.5;

/**
 * Several sources as one: each is asked only about what those before it did not give, gave stale, or gave as something
 * that is no price. One that is away costs its own share of the deadline at most, and nothing else; one that lets its
 * callers wait again and again is left alone for some seconds.
 *
 * @example
 * const sources = [redisSource({ url: "redis://localhost:6379" }), tickerSource({ url: "http://localhost:8080" })];
 * await using prices = new Fallback({ sources });
 * const board = new QuoteBoard(instruments);
 * await prices.refresh(board, Date.now(), performance.now());
 */
export class Fallback implements AsyncDisposable {
  readonly #members: readonly Member[];
  readonly #stale_ms_max: number;
  readonly #deadline_ms: number;
  readonly #clock: SourceClock;
  readonly #under_way = new WeakSet<QuoteBoard>();

  constructor({ sources, stale_ms_max = STALE_MS_MAX, deadline_ms = 800, clock = systemClock, random = Math.random }: FallbackOptions) {
    this.#members = sources.map((source, place) => ({
      source,
      is_first: place === 0,
      due: new WeakMap(),
      breaker: new Breaker(random),
      status: { name: source.name, up: null, reason: null, since_ms: null, quote_count: 0 },
      asked_in_ms: Number.NaN,
      probes: new Breaker(random),
      probing: null,
      is_back: false,
    }));
    this.#stale_ms_max = stale_ms_max;
    this.#deadline_ms = deadline_ms;
    this.#clock = clock;
  }

  /**
   * One pass over the board's instruments, done within `deadline_ms` whatever the sources do. Never rejects for a source
   * that is away: `status` and `board.why` tell. `now_ms` is the sample's instant, `monotonic_ms` the monotonic time at
   * its start. A source that is down, and that nothing was left to ask, is probed after it.
   */
  async refresh(
    board: QuoteBoard,
    now_ms: number,
    monotonic_ms: number,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    assert(!this.#under_way.has(board), "refresh: a pass over this board is under way");
    this.#under_way.add(board);
    // A sample goes before: what a probe holds of a connection or of a rate is free now.
    for (const member of this.#members) endProbe(member);
    try {
      const pass: Pass = { board, now_ms, monotonic_ms, signal };
      board.begin(
        this.#members.map(({ source }) => source.name),
        now_ms,
      );
      for (const [place, member] of this.#members.entries()) {
        const left_ms = this.#deadline_ms - (this.#clock.monotonic() - monotonic_ms);
        await this.#ask(member, pass, this.#deadlineOf(member, { left_ms, later_count: this.#members.length - place - 1 }));
      }
      for (const member of this.#members) this.#probe(member, pass);
    } finally {
      this.#under_way.delete(board);
    }
  }

  /**
   * For when there is nothing to refresh: asks each source that is down for one instrument, after growing waits, so that it is known
   * to be back. Waits for none of them; a refresh that begins meanwhile ends them. True where one was found to be back since the last
   * call or refresh.
   */
  probe(board: QuoteBoard, now_ms: number, monotonic_ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): boolean {
    const is_back = this.#members.some((member) => member.is_back);
    for (const member of this.#members) {
      member.is_back = false;
      this.#probe(member, { board, now_ms, monotonic_ms, signal });
    }
    return is_back;
  }

  /** How each source stands, in the order in which they are asked. */
  status(): SourceStatus[] {
    return this.#members.map(({ status }) => status);
  }

  /** Closes the sources. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ source }) => source.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** An equal share of what is left, or what was set for it, as far as those after it keep a little. */
  #deadlineOf({ source }: Member, { left_ms, later_count }: { left_ms: number; later_count: number }): number {
    if (source.deadline_ms === undefined) return left_ms / (later_count + 1);
    return Math.min(source.deadline_ms, left_ms - later_count * KEPT_PART * this.#deadline_ms);
  }

  async #ask(member: Member, pass: Pass, deadline_ms: number): Promise<void> {
    const wanted = this.#wanted(member, pass);
    const asked = wanted === null || member.source.allowance === undefined ? wanted : this.#due(member, pass, wanted);
    member.status = { ...member.status, quote_count: 0 };
    if (deadline_ms < 2 || pass.signal?.aborted || asked?.length === 0 || member.breaker.isOpen(pass.monotonic_ms)) return;
    member.asked_in_ms = pass.monotonic_ms;
    const told = await read(member, pass, { asked, deadline_ms, clock: this.#clock });
    if (member.source.allowance !== undefined && asked !== null) this.#judge(member, pass, { asked, told });
  }

  #probe(member: Member, pass: Pass): void {
    const { source, status, breaker, probes } = member;
    const { monotonic_ms, signal } = pass;
    if (status.up !== false || member.probing !== null || member.asked_in_ms === monotonic_ms || signal?.aborted) return;
    if (breaker.isOpen(monotonic_ms) || probes.isOpen(monotonic_ms) || source.allowance?.().instrument_count === 0) return;
    const stop = new AbortController();
    member.probing = stop;
    const deadline_ms = Math.min(source.deadline_ms ?? this.#deadline_ms, this.#deadline_ms);
    void probe(member, pass, { stop, deadline_ms, clock: this.#clock });
  }

  /** What the sources before it left open; null for everything. */
  #wanted({ source, is_first }: Member, { board, now_ms }: Pass): number[] | null {
    if (is_first && source.allowance === undefined) return null;
    const wanted: number[] = [];
    for (let index = 0; index < board.length; index += 1)
      if (is_first || !board.given(index) || board.ageOf(index, now_ms) > this.#stale_ms_max) wanted.push(index);
    return wanted;
  }

  /** Of these what the source may be asked about in this pass. */
  #due(member: Member, { board, monotonic_ms, now_ms }: Pass, wanted: readonly number[]): number[] {
    if (wanted.length === 0) return [];
    const allowance = member.source.allowance?.() ?? { instrument_count: 0, why: null };
    if (allowance.why !== null) {
      member.status = statusAfter(member.status, { up: isConnecting(member) ? null : false, reason: allowance.why, now_ms });
      board.away(member.source.name, allowance.why);
    }
    return dueOf(member, board).take(wanted, monotonic_ms, allowance.instrument_count);
  }

  /** Notes what each question was worth. One that a source left unanswered because it went away is asked again. */
  #judge(
    member: Member,
    { board, now_ms, monotonic_ms }: Pass,
    { asked, told }: { asked: readonly number[]; told: ReadonlySet<number> },
  ): void {
    const due = dueOf(member, board);
    for (const index of asked) {
      const is_old = board.ageOf(index, now_ms) > this.#stale_ms_max;
      if (!told.has(index) && member.status.up !== true) continue;
      const worth = !told.has(index) ? "none" : is_old ? "old" : "fresh";
      due.answered(index, monotonic_ms, { worth, old_ms: is_old && !member.is_first ? this.#stale_ms_max : 0 });
    }
  }
}

/** Reads into the board; says which instruments got a quote. */
async function read(
  member: Member,
  { board, now_ms, signal }: Pass,
  { asked, deadline_ms, clock }: { asked: readonly number[] | null; deadline_ms: number; clock: SourceClock },
): Promise<ReadonlySet<number>> {
  const { source, breaker } = member;
  const told = new Set<number>();
  const from_ms = clock.monotonic();
  const has_own_answers = source.allowance !== undefined;
  let quote_count = 0;
  let is_open = true;
  const indexOf = (place: number): number => (asked === null ? place : (asked[place] ?? -1));
  const sink: QuoteSink = {
    quote: (place, price_units, at_ms, rounded = false) => {
      if (!is_open) return;
      const outcome = board.accept(indexOf(place), price_units, at_ms, now_ms, source.name);
      if (outcome === "ahead") return;
      if (asked !== null) told.add(indexOf(place));
      if (has_own_answers) board.answeredIn(indexOf(place), source.name, clock.monotonic() - from_ms);
      if (outcome === "jump") return;
      quote_count += 1;
      if (rounded && outcome === "new") board.counts.rounded += 1;
    },
    refused: (place, why, reason) => {
      if (is_open) board.refuse(indexOf(place), source.name, why, reason);
    },
    absent: (place, why) => {
      if (is_open) board.note(indexOf(place), source.name, why);
    },
  };
  const instruments = asked === null ? board.instruments : asked.flatMap((index) => board.instruments[index] ?? []);
  const reason = await outcomeOf(
    source,
    source.read(instruments, sink, { deadline_ms: Math.floor(deadline_ms * TOLD_PART), signal }),
    deadline_ms,
  );
  is_open = false;
  const took_ms = clock.monotonic() - from_ms;
  board.ended(source.name, { ms: took_ms, why: reason, asked });
  const is_slow = reason !== null && quote_count === 0 && took_ms >= SLOW_PART * deadline_ms && signal?.aborted !== true;
  if (is_slow) breaker.slow(clock.monotonic());
  else breaker.quick();
  const is_first = member.status.up === null && member.status.reason === null;
  const up = is_slow && is_first ? null : reason === null;
  member.status = { ...statusAfter(member.status, { up, reason, now_ms }), quote_count };
  return told;
}

/** Its first question ran out of time: the connection for it may still be on its way. */
function isConnecting({ status }: Member): boolean {
  return status.up === null && status.reason !== null;
}

/** Asks a source whether it answers, for one instrument, whose price is nobody's: only a pass knows its instant. */
async function probe(
  member: Member,
  { board, now_ms, signal }: Pass,
  { stop, deadline_ms, clock }: { stop: AbortController; deadline_ms: number; clock: SourceClock },
): Promise<void> {
  const { source, probes } = member;
  const end = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const deaf: QuoteSink = { quote: () => undefined, refused: () => undefined, absent: () => undefined };
  const asked = [board.instruments[0] ?? NIFTY_50];
  const reading = source.read(asked, deaf, { deadline_ms: Math.floor(deadline_ms * TOLD_PART), signal: end });
  const reason = await outcomeOf(source, reading, deadline_ms);
  if (member.probing !== stop) return;
  member.probing = null;
  if (end.aborted) return;
  if (reason === null) probes.quick();
  else probes.slow(clock.monotonic());
  if (reason === null) board.away(source.name, null);
  member.is_back = reason === null;
  member.status = statusAfter(member.status, { up: reason === null, reason, now_ms });
}

function endProbe(member: Member): void {
  member.probing?.abort();
  member.probing = null;
  member.is_back = false;
}

/** Null where the source answered, else why it did not; never later than its deadline. */
async function outcomeOf(source: QuoteSource, reading: Promise<void>, deadline_ms: number): Promise<string | null> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => late.reject(unavailable(source.name, "does not keep its deadline")), deadline_ms);
  try {
    await Promise.race([reading, late.promise]);
    return null;
  } catch (error) {
    return reasonOf(error);
  } finally {
    clearTimeout(timer);
  }
}

function statusAfter(
  before: SourceStatus,
  { up, reason, now_ms }: { up: boolean | null; reason: string | null; now_ms: number },
): SourceStatus {
  return { ...before, up, reason, since_ms: before.up === up ? before.since_ms : now_ms };
}

function dueOf({ due: ofBoard }: Member, board: QuoteBoard): Due {
  const due = ofBoard.get(board) ?? new Due();
  ofBoard.set(board, due);
  due.follow(board.instruments);
  return due;
}
