import { setImmediate as breath } from "node:timers/promises";
import { builtinCalendar, Fallback, QuoteBoard, tellStanding, type Calendar, type StratctlError } from "@stratctl/sdk/internal";
import { boundaries, checkedInterval, floorTo, MINUTE_MS, systemClock, type Boundary, type Clock } from "./clock.ts";
import { TIMING, type DaemonOptions, type DaemonPass, type DaemonReport, type DaemonTiming } from "./daemon-options.ts";
import { DayEnd } from "./day-end.ts";
import { LiveFeed } from "./feed.ts";
import { hoursAt, openMask, type Hours } from "./hours.ts";
import { BookKeeper } from "./keeper.ts";
import { Leadership } from "./leader.ts";
import { standingOf, type Loop, type LoopListener, type LoopStanding, type Served } from "./loop.ts";
import { Notices } from "./notices.ts";
import { Sampler, type Pass } from "./sample.ts";
import { Spool } from "./spool.ts";
import { StandBy } from "./stand-by.ts";
import { Troubles } from "./troubles.ts";
import { Unpriced } from "./unpriced.ts";
import { UnwrittenGaps } from "./unwritten-gaps.ts";
import { UnwrittenQuotes } from "./unwritten.ts";
import { failureOf, within } from "./within.ts";
import { Writer } from "./writer.ts";

/** Passes of which none was made: the loop stands. */
const STANDS_PASSES = 3;
const STANDS_MS = 10_000;

/** What SIGTERM leaves for the last write: with all that ends after it, the process is gone within five seconds. */
const FLUSH_MS = 3_000;

/**
 * The minute loop: samples every strategy at each boundary of the interval while an exchange of its legs is open, and keeps
 * candles, latest marks and last prices in the database. It goes on whatever the market, the sources and the database do,
 * until the signal is aborted.
 *
 * @throws StratctlError input_invalid: an interval that does not divide a minute; with `once` what the database says
 * @example
 * import { createLog, runDaemon, systemClock } from "@stratctl/engine";
 * import { builtinCalendar, openDatabase, openSources } from "@stratctl/sdk/internal";
 *
 * const stop = new AbortController();
 * process.on("SIGTERM", () => stop.abort());
 * const log = await createLog({ stream: process.stdout, is_terminal: false, clock: systemClock, calendar: builtinCalendar() });
 * const { candles } = await runDaemon({ db: await openDatabase({}), sources: openSources({}), log, signal: stop.signal });
 */
export async function runDaemon(options: DaemonOptions): Promise<DaemonReport> {
  const daemon = new Daemon(options);
  if (options.once === true) await daemon.once();
  else await daemon.run();
  return daemon.report();
}

class Daemon {
  readonly #options: DaemonOptions;
  readonly #timing: DaemonTiming;
  readonly #clock: Clock;
  readonly #calendar: Calendar;
  readonly #board: QuoteBoard;
  readonly #fallback: Fallback;
  readonly #keeper: BookKeeper;
  readonly #sampler: Sampler;
  readonly #feed = new LiveFeed(() => this.#keeper.book);
  readonly #writer: Writer;
  readonly #leadership: Leadership;
  readonly #stand_by: StandBy;
  readonly #unwritten: UnwrittenQuotes;
  readonly #gaps = new UnwrittenGaps();
  readonly #day_end: DayEnd;
  readonly #unpriced: Unpriced;
  readonly #notices: Notices;
  readonly #troubles: Troubles;
  #hours: Hours | null = null;
  #last_at_ms = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | null = null;
  /** When the write that is under way, or the last one, began. */
  #write_since_ms = Number.NaN;
  #write_from_ms: number;
  #is_stopping = false;
  #pass_count = 0;
  #sample_count = 0;
  #skipped_count = 0;
  #served: Served | null = null;
  readonly #listeners: LoopListener[] = [];
  /** On the monotonic clock: of the last pass, or of the start. */
  #passed_ms: number;
  #last_sample_at_ms: number | null = null;
  #marked_count = 0;
  #unmarked_count = 0;
  #write_failure: StratctlError | null = null;
  /** What was sampled up to then is in the tables; NaN: nothing yet. */
  #written_to_ms = Number.NaN;
  /** The minute in which it lost the lead last. */
  #own_minute_ms: number | null = null;

  constructor(options: DaemonOptions) {
    const { db, sources, log, calendar = builtinCalendar(), clock = systemClock } = options;
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#clock = clock;
    this.#calendar = calendar;
    const { interval_ms, stale_ms_max, carry_after_ms, waiting_max } = this.#timing;
    checkedInterval(interval_ms);
    this.#board = new QuoteBoard([], { stale_ms_max, jump_percent_max: options.jump_percent_max });
    this.#unpriced = new Unpriced(this.#board);
    // The sources leave a fifth of the interval to the rest of the pass.
    this.#fallback = new Fallback({ sources, stale_ms_max, deadline_ms: Math.min(0.8 * interval_ms, SOURCES_MS_MAX), clock });
    this.#keeper = new BookKeeper({ db, calendar, clock, shard: options.shard, onAnew: () => this.#tellAgain() });
    this.#sampler = new Sampler({ calendar, board: this.#board, stale_ms_max, carry_after_ms, source: "live" });
    const spool = options.spool == null ? null : new Spool(options.spool, { shard: options.shard });
    this.#writer = new Writer({ db, overwrite: false, candles_max: waiting_max, spool, fence: () => this.#leadership.fence });
    this.#stand_by = new StandBy({ rows_max: waiting_max, writer: this.#writer, gaps: this.#gaps });
    this.#leadership = new Leadership({
      db,
      shard: options.shard ?? { shard: 1, of: 1 },
      log,
      written_to_ms: () => (Number.isNaN(this.#written_to_ms) ? null : this.#written_to_ms),
      onLead: () => this.#takeOver(),
      onLost: () => (this.#own_minute_ms = this.#sampler.minute_ms),
      onStandBy: ({ written_to_ms }) => this.#stand_by.forget(written_to_ms ?? Number.NEGATIVE_INFINITY),
    });
    this.#day_end = new DayEnd({ db, calendar, shard: options.shard, clock, log });
    this.#unwritten = new UnwrittenQuotes(this.#board);
    this.#notices = new Notices(log, calendar);
    this.#troubles = new Troubles(log);
    this.#passed_ms = clock.monotonic();
    this.#write_from_ms = this.#passed_ms + this.#timing.write_interval_ms;
  }

  async run(): Promise<void> {
    const { signal, serve, onLoop } = this.#options;
    onLoop?.(this.#loop());
    // Neither waits for the other; a port that is taken ends the daemon before it has begun.
    const [served] = await Promise.allSettled([
      serve?.(this.#loop()),
      this.#turn(floorTo(this.#clock.now(), MINUTE_MS)),
      this.#leadership.begin(),
    ]);
    if (served.status === "rejected") {
      await this.#leadership.end();
      throw served.reason;
    }
    this.#served = served.value ?? null;
    this.#troubles.spoolFound(await this.#writer.found());
    this.#notices.ready(
      this.#keeper.book,
      this.#options.sources.map(({ name }) => name),
      this.#served?.url,
    );
    const { interval_ms } = this.#timing;
    try {
      for await (const boundary of boundaries(this.#clock, { interval_ms, late_ms_max: this.#lateMax() }, signal))
        await this.#pass(boundary);
    } finally {
      await this.#stop();
    }
  }

  async once(): Promise<void> {
    const at_ms = floorTo(this.#clock.now(), 1000);
    const minute_ms = floorTo(at_ms, MINUTE_MS);
    const failure = await this.#turn(minute_ms);
    if (failure !== null) throw failure;
    await this.#leadership.once();
    try {
      const pass = await this.#sample(at_ms);
      this.#notices.once(pass, this.#keeper.book, minute_ms);
      this.#finishMinute();
      await this.#writer.write({ quotes: this.#unwritten.take().batch });
    } finally {
      await this.#leadership.end();
    }
  }

  report(): DaemonReport {
    return {
      pass_count: this.#pass_count,
      sample_count: this.#sample_count,
      skipped_count: this.#skipped_count,
      candles: this.#writer.counts,
      lost_count: this.#writer.waiting_count,
      spool_depth: this.#writer.spool_depth ?? 0,
      quotes: this.#board.counts,
      sources: this.#fallback.status(),
      quotes_by_source: this.#board.bySource(),
    };
  }

  #loop(): Loop {
    return { standing: () => this.#standing(), listen: (listener) => void this.#listeners.push(listener), feed: this.#feed };
  }

  #standing(): LoopStanding {
    const lag_ms = this.#clock.monotonic() - this.#passed_ms;
    return {
      ...this.report(),
      is_turning: this.#pass_count > 0 && lag_ms <= STANDS_MS + STANDS_PASSES * this.#timing.interval_ms,
      lag_ms,
      last_pass_at_ms: this.#pass_count === 0 ? null : this.#last_at_ms,
      last_sample_at_ms: this.#last_sample_at_ms,
      strategy_count: this.#keeper.book.strategy_count,
      marked_count: this.#marked_count,
      unmarked_count: this.#unmarked_count,
      unpriced: this.#unpriced.list(),
      write_failure: this.#write_failure?.message ?? null,
      role: this.#leadership.fence === null ? "stand_by" : "leader",
      fence: this.#leadership.fence?.number ?? null,
      led_since_ms: this.#leadership.led_since_ms,
    };
  }

  /** How late the loop may come to a boundary and still sample at it. */
  #lateMax(): number {
    return this.#timing.interval_ms / 2;
  }

  /** What happens at a boundary, in order. Nothing here rejects for what the world does. */
  async #pass({ at_ms, skipped_count, moved_ms }: Boundary): Promise<void> {
    if (at_ms <= this.#last_at_ms) this.#troubles.setBack(this.#last_at_ms, at_ms);
    const is_jump = this.#pass_count > 0 && moved_ms >= MINUTE_MS;
    if (is_jump) this.#troubles.wentAhead({ from_ms: this.#last_at_ms, to_ms: at_ms, moved_ms, skipped_count });
    this.#last_at_ms = at_ms;
    this.#pass_count += 1;
    this.#feed.sweep(at_ms);
    this.#skipped_count += skipped_count;
    if (!is_jump) this.#troubles.skipped(skipped_count);
    const minute_ms = floorTo(at_ms, MINUTE_MS);
    if (minute_ms !== this.#sampler.minute_ms || !this.#keeper.was_read) await this.#turn(minute_ms);
    const began_ms = this.#clock.monotonic();
    // A database that kept the book waiting cost the sample: a price of now is none of its instant.
    const is_late = this.#clock.now() - at_ms > this.#lateMax();
    if (is_late && this.#keeper.was_read) {
      this.#skipped_count += 1;
      this.#troubles.skipped(1);
    }
    const pass = is_late ? null : await this.#sample(at_ms);
    this.#passed_ms = this.#clock.monotonic();
    if (pass !== null) for (const listener of this.#listeners) listener.pass(this.#passed_ms - began_ms);
    if (this.#writing !== null) this.#troubles.writing(this.#clock.monotonic() - this.#write_since_ms);
    this.#writeWhereDue();
    this.#options.onPass?.(pass ?? { at_ms, in_session_count: 0, marked_count: 0, sampled: false });
  }

  /** Ends the minute under way and begins another with the book of its start. Null, or why the book is still the one before. */
  async #turn(minute_ms: number): Promise<StratctlError | null> {
    this.#finishMinute();
    await breath();
    const failure = await this.#keeper.refresh(minute_ms, this.#options.signal);
    const { book } = this.#keeper;
    if (this.#board.instruments !== book.instruments) this.#board.rebook(book.instruments);
    this.#hours = null;
    this.#sampler.start(book, minute_ms);
    this.#troubles.book(failure);
    this.#troubles.minute();
    if (this.#pass_count > 0) this.#notices.book(book);
    return failure;
  }

  #finishMinute(): void {
    if (this.#sampler.minute_ms === null) return;
    const { minute_ms, candles, marks, gaps } = this.#sampler.finish({ with_marks: true });
    this.#notices.minute(candles);
    // A minute that began under its own lead may be nobody else's: it waits until this engine leads again.
    if (this.#leadership.stands_by && minute_ms !== this.#own_minute_ms) return this.#stand_by.keep({ minute_ms, candles, gaps });
    this.#writer.finish(candles, marks);
    this.#gaps.add(minute_ms, gaps);
    this.#write_from_ms = Number.NEGATIVE_INFINITY;
  }

  /** Null outside every session, where those that are down are asked whether they are back, and all a minute before the open. */
  async #sample(at_ms: number): Promise<DaemonPass | null> {
    const { book } = this.#keeper;
    const { carry_after_ms } = this.#timing;
    this.#hours = hoursAt(this.#calendar, book.exchanges, at_ms, this.#hours);
    this.#notices.session(book, this.#hours, { at_ms, board: this.#board });
    const open = openMask(this.#hours, at_ms);
    if (open === 0) this.#unpriced.note(new Map(), at_ms);
    // A plain number that is there before the open, and stays, is a price of before the open: it must have been seen then.
    await this.#refresh(at_ms, { is_idle: open === 0 && openMask(this.#hours, at_ms + carry_after_ms) === 0 });
    if (open === 0 || this.#options.signal.aborted) return null;
    const pass = this.#sampler.sample(at_ms);
    this.#feed.publish(this.#sampler, at_ms);
    this.#sample_count += 1;
    this.#last_sample_at_ms = at_ms;
    this.#marked_count += pass.marked_count;
    this.#unmarked_count += pass.in_session_count - pass.marked_count;
    // Right after an open not all have traded yet, which is no news.
    const is_settled = open === openMask(this.#hours, at_ms - carry_after_ms);
    if (is_settled || pass.marked_count === pass.in_session_count) this.#tellPrices(pass);
    return { ...pass, sampled: true };
  }

  async #refresh(at_ms: number, { is_idle }: { is_idle: boolean }): Promise<void> {
    if (is_idle && !this.#fallback.probe(this.#board, at_ms, this.#clock.monotonic(), this.#options)) return;
    if (!is_idle) await this.#fallback.refresh(this.#board, at_ms, this.#clock.monotonic(), this.#options);
    this.#troubles.sources(this.#fallback.status(), { at_ms, instrument_count: this.#board.length });
  }

  #tellPrices({ at_ms, in_session_count, marked_count }: Pass): void {
    const all_marked = marked_count === in_session_count;
    const none = { instruments: new Map<string, null>(), strategy_ids: [], too_large_ids: [] };
    const unmarked = all_marked ? none : this.#sampler.unmarked();
    this.#unpriced.note(unmarked.instruments, at_ms);
    this.#notices.prices(unmarked, this.#board.instruments);
  }

  /** What another engine had not brought to the database when this one follows it. */
  #takeOver(): void {
    this.#stand_by.release();
    this.#unwritten.forget();
    this.#write_from_ms = Number.NEGATIVE_INFINITY;
  }

  /** Begins a write where one is due and none is under way; sampling does not wait for it, and a minute that ends meanwhile follows it. */
  #writeWhereDue(): void {
    const now_ms = this.#clock.monotonic();
    if (this.#is_stopping || this.#writing !== null || now_ms < this.#write_from_ms) return;
    this.#write_from_ms = now_ms + this.#timing.write_interval_ms;
    // Whatever goes wrong with a write is told, and ends no daemon.
    this.#writing = this.#write()
      .catch((error: unknown) => this.#written(failureOf(error)))
      .finally(() => {
        this.#writing = null;
        this.#writeWhereDue();
      });
  }

  async #write(): Promise<void> {
    if (this.#leadership.stands_by) return;
    this.#write_since_ms = this.#clock.monotonic();
    const fence = await this.#leadership.ensure();
    if (fence === null) return this.#written(await this.#waits());
    const sampled_to_ms = this.#last_at_ms;
    const gaps = this.#gaps.take();
    // Copies of 100,000 rows: each in a turn of its own, so that together they do not hold the event loop.
    const { batch, confirm } = this.#unwritten.take();
    await breath();
    const candles = this.#sampler.minute_ms === null ? undefined : this.#sampler.candles({ changed: true });
    await breath();
    const marks = this.#sampler.minute_ms === null ? null : this.#sampler.marks({ flat: false });
    await breath();
    const failure = await this.#writer.write({ candles, marks, quotes: batch, gaps: gaps.batch }).then(() => null, failureOf);
    // A candle that was not brought over is told again with the next sample, and whole at the minute's end.
    if (failure === null) {
      confirm();
      gaps.confirm();
      const is_all_written = this.#writer.waiting_count === 0 && (this.#writer.spool_depth ?? 0) === 0;
      // Whoever stands by forgets what is told to be in the tables: what waits here yet is not.
      if (is_all_written) this.#written_to_ms = sampled_to_ms;
      const { exchanges } = this.#keeper.book;
      if (is_all_written && !this.#is_stopping) this.#day_end.look({ written_to_ms: sampled_to_ms, exchanges, fence });
      // With the next write it is told anew.
      await tellStanding(this.#options.db, fence, standingOf(this.#standing())).catch(() => undefined);
    }
    const is_lost = failure?.code === "leadership_lost";
    if (is_lost) this.#leadership.lost(fence);
    // That another leads is no trouble of the database.
    this.#written(is_lost ? null : failure);
  }

  /** Nobody leads, since the database is away: finished minutes wait on disk where there is a spool. Null: another leads by now. */
  async #waits(): Promise<StratctlError | null> {
    const { failure, stands_by } = this.#leadership;
    if (!stands_by) await this.#writer.save();
    return stands_by ? null : failure;
  }

  /** A write came to its end. */
  #written(failure: StratctlError | null): void {
    const write_ms = this.#clock.monotonic() - this.#write_since_ms;
    this.#write_failure = failure;
    for (const listener of this.#listeners) listener.write(write_ms);
    this.#troubles.write(failure, { at_ms: this.#last_at_ms, write_ms, writer: this.#writer });
  }

  /** The database was started anew, or is another one: it may lack what the one before had last. */
  #tellAgain(): void {
    this.#writer.tellAgain();
    this.#unwritten.forget();
  }

  /** The minute under way goes to the database in part: a restart within it continues the candle. */
  async #stop(): Promise<void> {
    this.#is_stopping = true;
    this.#finishMinute();
    const flush = async (): Promise<true> => {
      await this.#writing;
      // A leader that has died by now is followed for a last write; what one that is silent may have kept goes to disk.
      if (this.#leadership.stands_by) await this.#leadership.look();
      if (this.#leadership.is_other_silent) this.#stand_by.release();
      await this.#write();
      await this.#day_end.end();
      return true;
    };
    await Promise.all([within(flush(), { ms: FLUSH_MS, clock: this.#clock }), this.#served?.close()]);
    await this.#writer.save();
    await this.#leadership.end();
    this.#troubles.stopped(this.#writer);
  }
}

const SOURCES_MS_MAX = 2_000;
