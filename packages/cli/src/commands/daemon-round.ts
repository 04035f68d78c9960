import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Log, Loop } from "@stratctl/engine";
import type { Calendar, Database, Shard } from "@stratctl/sdk/internal";
import { readCalendar } from "../calendar.ts";
import type { Configuration } from "../configuration.ts";

/** All that a run of the loop goes by, read and found good. */
export interface Prepared {
  readonly configuration: Configuration;
  readonly calendar: Calendar;
}

export interface Round extends Prepared {
  readonly shard: Shard;
  readonly once: boolean;
  readonly isServed: boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Given the loop before its first pass. */
  readonly onLoop: (loop: Loop) => void;
  /** Called after each pass. */
  readonly onPass: () => void;
}

/** The configuration with the calendar that it names. Rejects with file_unusable. */
export async function prepared(configuration: Configuration): Promise<Prepared> {
  const { calendar_file, daemon } = configuration;
  return { configuration, calendar: await readCalendar({ file: calendar_file, always: daemon.always }) };
}

/** Opens all that a configuration names, runs the loop over it until the signal is aborted, and closes it. */
export async function runRound({ configuration, calendar, shard, once, isServed, log, signal, onLoop, onPass }: Round): Promise<void> {
  const [engine, { openSources, openDatabase }] = await Promise.all([import("@stratctl/engine"), import("@stratctl/sdk/internal")]);
  const { url, daemon, http } = configuration;
  const ending = new AbortController();
  await using open = new AsyncDisposableStack();
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => open.adopt(part, closeSoon);
  const sources = openSources(configuration);
  for (const source of sources) keep(source);
  const db = keep(await openDatabase({ url, signal }, { as_it_is: url !== undefined && !once }));
  const failed: { error?: unknown } = {};
  const onOther = (error: unknown): void => {
    failed.error = error;
    ending.abort();
  };
  if (url !== undefined && !once) await beginWith(db, { signal: AbortSignal.any([signal, ending.signal]), onOther });
  if (url === undefined && !once) {
    const guarded = open.adopt(new AbortController(), (guard) => guard.abort());
    void guardBuiltin(log, guarded.signal);
  }
  // Whoever calls has connections of his own: the loop's writes do not wait for his reads.
  const database = isServed ? keep(await openDatabase({ url, signal }, { as_it_is: true })) : null;
  await engine.runDaemon({
    db,
    sources,
    jump_percent_max: configuration.sources.jump_percent_max,
    log,
    calendar,
    signal: AbortSignal.any([signal, ending.signal]),
    once,
    shard,
    spool: once ? null : await spoolFolder(daemon.spool_folder, url),
    timing: {
      interval_ms: daemon.interval,
      write_interval_ms: daemon.write_interval_ms,
      stale_ms_max: daemon.stale_ms_max,
      carry_after_ms: daemon.carry_after_ms,
      waiting_max: daemon.waiting_max,
    },
    onLoop,
    onPass,
    serve: database === null ? undefined : (loop) => engine.serveApi({ database, sources, settings: http, log, calendar }, loop),
  });
  if ("error" in failed) throw failed.error;
}

/** A database that hangs holds its connections; who ends does not wait for it. */
const CLOSE_MS = 500;

async function closeSoon(part: { close(): Promise<void> }): Promise<void> {
  await Promise.race([part.close(), pause(CLOSE_MS, undefined, { ref: false })]);
}

/** A database that is away is waited for this long at the start, and asked again this often. */
const AWAY_MS = 2_000;

/**
 * Rejects where the database has not the tables that this code needs. One that is away is no reason not to begin: it is asked
 * again, and `onOther` is told if it has other tables when it is back.
 */
async function beginWith(db: Database, { signal, onOther }: { signal: AbortSignal; onOther: (error: unknown) => void }): Promise<void> {
  const { assertCurrent, StratctlError } = await import("@stratctl/sdk/internal");
  const away = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        return await assertCurrent(db);
      } catch (error) {
        if (!(error instanceof StratctlError) || error.code !== "database_unreachable") throw error;
      }
      away.resolve();
      await pause(AWAY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const checked = look();
  await Promise.race([checked, away.promise, pause(AWAY_MS, undefined, { ref: false })]);
  checked.catch(onOther);
}

/** Nobody else looks after the built-in database: where its server died it is started again. Never rejects. */
async function guardBuiltin(log: Log, signal: AbortSignal): Promise<void> {
  const { reviveEmbedded } = await import("@stratctl/sdk/internal");
  let told: string | null = null;
  while (!signal.aborted) {
    await pause(AWAY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    try {
      if (!signal.aborted && (await reviveEmbedded({ signal })))
        log({ level: "warn", event: "database", text: "the server of the built-in database had died: it was started again" });
      told = null;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!signal.aborted && why !== told) log({ level: "error", event: "database", text: why });
      told = why;
    }
  }
}

/** Beside the built-in database unless said, in a folder for each database: candles of one are nothing to another. */
async function spoolFolder(given: string | undefined, url: string | undefined): Promise<string> {
  const { embeddedFolder } = await import("@stratctl/sdk/internal");
  const folder = given ?? join(embeddedFolder(), "spool");
  if (url === undefined) return join(folder, "built-in");
  const { createHash } = await import("node:crypto");
  const { host, pathname, searchParams } = new URL(url);
  const database = `${host}${searchParams.get("host") ?? ""}${pathname}`;
  return join(folder, createHash("sha256").update(database).digest("hex").slice(0, 16));
}
