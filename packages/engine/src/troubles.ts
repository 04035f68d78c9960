import type { SourceStatus, StratctlError } from "@stratctl/sdk/internal";
import { MINUTE_MS } from "./clock.ts";
import { countedText, countText, namedText, type Log } from "./log.ts";
import type { SetAside, VainFile } from "./spooled.ts";
import type { WriterCounts, WriterTroubles } from "./writer.ts";

interface Outage {
  readonly since_ms: number;
  pass_count: number;
}

/** How the writer stands after a write. */
interface WriterStanding {
  readonly counts: WriterCounts;
  readonly waiting_count: number;
  /** Null: candles wait in memory alone. */
  readonly spool_depth: number | null;
  readonly spool_folder: string | null;
  readonly troubles: WriterTroubles;
}

const NOTHING: WriterCounts = { carried: 0, written: 0, left_out: 0, dropped: 0, refused: 0, spooled: 0, torn: 0, aside: 0 };

/** What the daemon tells of sources, of the database and of time that went wrong: once when it begins, once when it ends. */
export class Troubles {
  readonly #log: Log;
  readonly #sources = new Map<string, Outage>();
  #database: Outage | null = null;
  #write_is_long = false;
  #book_is_old = false;
  #skipped_count = 0;
  #told: WriterCounts = NOTHING;
  #spool_depth = 0;
  #spool_fails = false;
  #has_vain_files = false;
  /** Files that were set aside, as far as they were named. */
  #aside_told: ReadonlySet<string> = new Set();
  #rows_are_refused = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** How the sources stand after a pass over `instrument_count` instruments. */
  sources(statuses: readonly SourceStatus[], { at_ms, instrument_count }: { at_ms: number; instrument_count: number }): void {
    for (const status of statuses) {
      const outage = this.#sources.get(status.name);
      if (outage !== undefined) outage.pass_count += 1;
      if (status.up === false && outage === undefined) this.#sourceDown(status, statuses, { at_ms, instrument_count });
      if (status.up === true && outage !== undefined) this.#sourceBack(status.name, outage, at_ms);
    }
  }

  #sourceDown({ name, reason }: SourceStatus, all: readonly SourceStatus[], at: { at_ms: number; instrument_count: number }): void {
    this.#sources.set(name, { since_ms: at.at_ms, pass_count: 0 });
    const others = all.filter((other) => other.name !== name && other.up === true);
    const answers = others.map((other) => `${other.name} answers for ${countText(other.quote_count)} of ${countText(at.instrument_count)}`);
    const text = [`down (${reason ?? "no reason given"})`, ...answers].join(" · ");
    this.#log({ level: "warn", event: name, text, fields: { up: false, reason } });
  }

  #sourceBack(name: string, { since_ms, pass_count }: Outage, at_ms: number): void {
    this.#sources.delete(name);
    const text = `back after ${secondsText(at_ms - since_ms)} · ${countedText(pass_count, "sample")} without it`;
    this.#log({ level: "info", event: name, text, fields: { up: true, away_ms: at_ms - since_ms, sample_count: pass_count } });
  }

  /** How long the write has been under way at a pass. */
  writing(since_ms: number): void {
    if (since_ms <= MINUTE_MS || this.#write_is_long) return;
    this.#write_is_long = true;
    const text = "a write takes longer than a minute · candles wait in memory";
    this.#log({ level: "warn", event: "database", text, fields: { write_ms: since_ms } });
  }

  /** Candles of an earlier run are on disk. */
  spoolFound(depth: number): void {
    this.#spool_depth = depth;
    if (depth === 0) return;
    const text = `${countedText(depth, "candle")} of an earlier run ${depth === 1 ? "waits" : "wait"} on disk`;
    this.#log({ level: "info", event: "spool", text, fields: { spool_depth: depth } });
  }

  /** A write came to its end after `write_ms`: null, or why it did not. */
  write(failure: StratctlError | null, { at_ms, write_ms, writer }: { at_ms: number; write_ms: number; writer: WriterStanding }): void {
    const { counts, waiting_count, spool_depth, spool_folder, troubles } = writer;
    if (failure === null && this.#write_is_long)
      this.#log({ level: "info", event: "database", text: `written after ${secondsText(write_ms)}`, fields: { write_ms } });
    this.#write_is_long = false;
    if (failure !== null && this.#database === null) {
      this.#database = { since_ms: at_ms, pass_count: 0 };
      const text = `${failure.message} · candles wait ${spool_depth === null ? "in memory" : "on disk"}`;
      this.#log({ level: "warn", event: "database", text, fields: { up: false, code: failure.code } });
    }
    if (failure === null && this.#database !== null) {
      const away_ms = at_ms - this.#database.since_ms;
      this.#database = null;
      const written = `${countedText(counts.carried - this.#told.carried, "candle")} that waited written`;
      const rest = spool_depth === null || spool_depth === 0 ? [] : [`${countText(spool_depth)} more wait on disk`];
      const text = [`back after ${secondsText(away_ms)}`, written, ...rest].join(" · ");
      this.#log({ level: "info", event: "database", text, fields: { up: true, away_ms } });
    }
    this.#spool({ depth: spool_depth ?? 0, folder: spool_folder ?? "", database_is_up: failure === null }, troubles);
    this.#refusedRows(troubles);
    this.#losses(counts, waiting_count);
  }

  #spool(
    { depth, folder, database_is_up }: { depth: number; folder: string; database_is_up: boolean },
    { spool_failure, vain_files, aside_files }: WriterTroubles,
  ): void {
    if (spool_failure !== null && !this.#spool_fails)
      this.#log({
        level: "error",
        event: "spool",
        text: `fails (${spool_failure}) · candles wait in memory alone: see to ${folder}`,
        fields: { reason: spool_failure, folder },
      });
    if (spool_failure === null && this.#spool_fails) this.#log({ level: "info", event: "spool", text: "is well again" });
    this.#spool_fails = spool_failure !== null;
    this.#vainFiles(vain_files);
    this.#asideFiles(aside_files, folder);
    if (database_is_up && depth === 0 && this.#spool_depth > 0)
      this.#log({ level: "info", event: "spool", text: "empty: what waited on disk is written" });
    this.#spool_depth = depth;
  }

  /** Said once for as long as there are any: the end of each is told. */
  #vainFiles(files: readonly VainFile[]): void {
    const [first] = files;
    if (first !== undefined && !this.#has_vain_files)
      this.#log({
        level: "warn",
        event: "spool",
        text: `${namedText(files.map(({ name }) => name))} ${first.kind} (${first.why}) · tried again for some minutes; what else waits is written`,
        fields: { file_count: files.length, reason: first.why },
      });
    this.#has_vain_files = first !== undefined;
  }

  /** One line for those that are new, with what to do: nobody else will. */
  #asideFiles(files: readonly SetAside[], folder: string): void {
    const news = files.filter(({ name }) => !this.#aside_told.has(name));
    this.#aside_told = new Set(files.map(({ name }) => name));
    const [first] = news;
    if (first === undefined) return;
    const candles = countedText(
      news.reduce((count, { candle_count }) => count + candle_count, 0),
      "candle",
    );
    const named = namedText(news.map(({ name }) => name));
    const told = first.why === null ? "set aside before" : `set aside: ${first.why}`;
    this.#log({
      level: first.why === null ? "warn" : "error",
      event: "aside",
      text: `${candles} on disk, ${named} in ${folder}: ${told} · tried again once renamed without the last ending; else remove it`,
      fields: { files: news.map(({ name }) => name), folder, reason: first.why },
    });
  }

  /** Marks and prices are told again with the next write: what lasts is said once. */
  #refusedRows({ refused_marks, refused_quotes, refused_why }: WriterTroubles): void {
    const counts = [
      refused_marks === 0 ? [] : countedText(refused_marks, "latest mark"),
      refused_quotes === 0 ? [] : countedText(refused_quotes, "last price"),
    ].flat();
    if (counts.length > 0 && !this.#rows_are_refused)
      this.#log({
        level: "error",
        event: "refused",
        text: `${counts.join(" and ")}: ${refused_why ?? "no reason given"} · the others are written`,
        fields: { refused_marks, refused_quotes },
      });
    this.#rows_are_refused = counts.length > 0;
  }

  #losses(counts: WriterCounts, waiting_count: number): void {
    const since = (name: keyof WriterCounts): number => counts[name] - this.#told[name];
    if (since("left_out") > 0)
      this.#log({
        level: "warn",
        event: "left_out",
        text: `${countedText(since("left_out"), "candle")}: their minute has a row of another book or source, or their strategy is gone`,
        fields: { left_out_count: since("left_out") },
      });
    if (since("dropped") > 0)
      this.#log({
        level: "error",
        event: "dropped",
        text: `${countedText(since("dropped"), "candle")}, the oldest: ${countText(waiting_count)} wait for the database`,
        fields: { dropped_count: since("dropped"), waiting_count },
      });
    if (since("refused") > 0)
      this.#log({
        level: "error",
        event: "refused",
        text: `${countedText(since("refused"), "candle")}: the database does not take their values`,
        fields: { refused_count: since("refused") },
      });
    if (since("torn") > 0)
      this.#log({
        level: "error",
        event: "torn",
        text: `${countedText(since("torn"), "candle")} on disk cannot be read: their file was cut short, or damaged`,
        fields: { torn_count: since("torn") },
      });
    this.#told = { ...counts };
  }

  /** The book of a minute was read (null), or the one before is used. */
  book(failure: StratctlError | null): void {
    if (failure !== null && !this.#book_is_old)
      this.#log({
        level: "warn",
        event: "book",
        text: `not read: ${failure.message} · the legs stay as they were`,
        fields: { code: failure.code },
      });
    this.#book_is_old = failure !== null;
  }

  skipped(count: number): void {
    this.#skipped_count += count;
  }

  /** Said once a minute, however many. */
  minute(): void {
    if (this.#skipped_count === 0) return;
    const text = `skipped ${countedText(this.#skipped_count, "sample")}: the process came to them late`;
    this.#log({ level: "warn", event: "late", text, fields: { skipped_count: this.#skipped_count } });
    this.#skipped_count = 0;
  }

  setBack(from_ms: number, to_ms: number): void {
    const text = `set back by ${secondsText(from_ms - to_ms)} · latest marks go on where the database's clock went back as well, else once it has caught up`;
    this.#log({ level: "warn", event: "clock", text, fields: { set_back_ms: from_ms - to_ms } });
  }

  /** The wall clock jumped between the samples at from_ms and to_ms: what lies between is a gap, and nothing in it is made up. */
  wentAhead({
    from_ms,
    to_ms,
    moved_ms,
    skipped_count,
  }: Readonly<Record<"from_ms" | "to_ms" | "moved_ms" | "skipped_count", number>>): void {
    const minute_count = Math.max(0, Math.floor(to_ms / MINUTE_MS) - Math.floor(from_ms / MINUTE_MS) - 1);
    const parts = [
      `went ahead by ${secondsText(moved_ms)}: set, or this machine slept`,
      `skipped ${countedText(skipped_count, "sample")}`,
      `${countedText(minute_count, "whole minute")} without one`,
    ];
    const fields = { ahead_ms: Math.round(moved_ms), skipped_count, minute_count };
    this.#log({ level: "warn", event: "clock", text: parts.join(" · "), fields });
  }

  /** The end: what was brought over, what waits on disk for the next start, and what nobody has. */
  stopped({ counts, waiting_count, spool_depth }: Pick<WriterStanding, "counts" | "waiting_count" | "spool_depth">): void {
    const lost = waiting_count > 0;
    const written = `${countedText(counts.carried, "candle")} written`;
    const spooled = `${countedText(spool_depth ?? 0, "candle")} on disk for the next start`;
    const text = lost
      ? `${countedText(waiting_count, "candle")} lost: the database did not take them in time`
      : [written, ...(spool_depth === null || spool_depth === 0 ? [] : [spooled])].join(" · ");
    this.#log({
      level: lost ? "error" : "info",
      event: "stopped",
      text,
      fields: { candle_count: counts.carried, lost_count: waiting_count, spool_depth: spool_depth ?? 0 },
    });
  }
}

function secondsText(ms: number): string {
  return `${countText(Math.round(ms / 1000))} s`;
}
