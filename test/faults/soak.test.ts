import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { leg, strategy, type GivenLeg } from "../engine/entered.ts";
import { expectedCandles, type PlainCandle, type PlainSession } from "../engine/expected.ts";
import { candleRows } from "../engine/rows.ts";
import { startPipe } from "../support/pipe.ts";
import { debianMissing, freshDatabase, startDebianPostgres } from "../support/postgres.ts";
import { redisMissing, startRedis } from "../support/redis.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";
import { soakPlan, type Fault } from "./soak-plan.ts";
import { CE, FUT, PE, Stage, type Report } from "./soak-stage.ts";

/**
 * Sessions in accelerated time, with faults at random: `STRATCTL_SEED` says which, else the time does. Twenty minutes of one in
 * the test command; `npx -y pnpm@12.4.2 soak` runs whole ones.
 */
const IS_LONG = process.env["STRATCTL_SOAK"] !== undefined;
const SEED = Number(process.env["STRATCTL_SEED"] ?? Date.now() % 1_000_000);

interface Soak {
  readonly minutes: number;
  readonly session: PlainSession;
  readonly kills: boolean;
}

const TODAY = { open: "2026-11-25T03:45:00Z", close: "2026-11-25T10:10:00Z" };
/** The market closed at 15:30 then. Without kills one process lives through it, and its memory is compared over all of that. */
const BEFORE = { open: "2026-07-29T03:45:00Z", close: "2026-07-29T10:00:00Z" };
const SOAKS: readonly Soak[] = IS_LONG
  ? [
      { minutes: 375, session: BEFORE, kills: false },
      { minutes: 385, session: TODAY, kills: true },
    ]
  : [{ minutes: 20, session: TODAY, kills: true }];

const LEGS: readonly GivenLeg[] = [
  { instrument: CE, direction: "SELL", quantity: 65, entry: 150 },
  { instrument: PE, direction: "SELL", quantity: 65, entry: 120.05 },
  { instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 },
];

describe.skipIf(redisMissing ?? debianMissing)(`a soak by seed ${SEED}`, () => {
  test.each(SOAKS)("of $minutes minutes", { timeout: IS_LONG ? 1_800_000 : 120_000 }, async ({ minutes, session, kills }) => {
    console.log(`soak of ${minutes} minutes: STRATCTL_SEED=${SEED}`);
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
    await using redis = await startRedis();
    await using redis_pipe = await startPipe(redis.port);
    await using ticker = await startTicker();
    const server = await startDebianPostgres();
    const fresh = await freshDatabase(server, MIGRATED);
    await using pipe = await startPipe(server.socket);
    const db = await openPool(fresh.url);
    const strategy_id = await strategy({ db }, []);
    for (const one of LEGS) await leg({ db }, strategy_id, { ...one, added_at: session.open.replace("03:45", "00:00") });
    const open_ms = Date.parse(session.open);
    const close_ms = Date.parse(session.close);
    const spool = path.join(folder, "spool");
    const stage = new Stage({ redis, redis_pipe, ticker, server, fresh, pipe, spool, open_ms, close_ms, now_ms: open_ms - 30_000 });
    try {
      const plan = soakPlan({ seed: SEED, minutes, kills });
      const report = await run(stage, { plan, tenth_s: minutes * 6, end_ms: open_ms + minutes * 60_000 + 5_000 });
      const Twice = z.object({ minute: z.string() });
      const sql = "select timestamp::text as minute from strategy_m2m_candles group by strategy_id, timestamp having count(*) > 1";
      expect(await db.many(Twice, "test.twice", sql)).toEqual([]);
      judge(stage, await candleRows(db, strategy_id), { session, report });
    } catch (error) {
      console.error(`${stage.said.join("\n")}\n${String(error)}`);
      throw error;
    } finally {
      await stage.close();
      await db.close();
      await server.stop();
      await rm(folder, { recursive: true });
    }
  });
});

async function run(stage: Stage, { plan, tenth_s, end_ms }: { plan: readonly Fault[]; tenth_s: number; end_ms: number }) {
  const due = [...plan];
  /** Faults under way, and the second in which each is to end. */
  const under_way = new Map<Fault, number>();
  /** The process whose memory after its first tenth is known. */
  let measured = 0;
  await stage.start();
  for (let second = 0; stage.now_ms < end_ms; second += 1) {
    for (const [fault, until_s] of under_way) {
      if (second < until_s || (fault.lane === "process" && !stage.may_start)) continue;
      under_way.delete(fault);
      await stage.over(fault);
    }
    for (const fault of due.filter(({ at_s }) => at_s <= second)) {
      if (!stage.may(fault)) continue; // as soon as it may
      due.splice(due.indexOf(fault), 1);
      if (stage.now_ms + fault.for_s * 1000 > end_ms - QUIET_MS) continue;
      if (fault.lane === "process" && measured === stage.process_count) await stage.measure();
      await stage.begin(fault);
      under_way.set(fault, fault.lane === "clock" || fault.kind === "terminated" ? second : second + fault.for_s);
    }
    await stage.second();
    if (measured < stage.process_count && stage.lived_s >= tenth_s && stage.is_well) {
      await stage.measure();
      measured = stage.process_count;
    }
  }
  if (measured === stage.process_count) await stage.measure();
  return stage.end("stop");
}

/** Faults may be put off until they may be; the last two minutes are left for all to be well again. */
const QUIET_MS = 120_000;

interface Verdict {
  readonly session: PlainSession;
  readonly report: Report | null;
}

function judge(stage: Stage, rows: readonly PlainCandle[], { session, report }: Verdict): void {
  // Nothing was given up, and nothing waits for another run.
  expect(report).toMatchObject({ lost_count: 0, spool_depth: 0, candles: { dropped: 0 } });
  // A daemon that was there, with a source that answered, marked.
  expect(stage.unmarked).toEqual([]);
  // Every second that it marked is in its candle, but for those that a kill may have taken; and no other is.
  const sampled = new Set(rows.flatMap(secondsOf));
  expect(texts([...stage.kept].filter((second) => !sampled.has(second)))).toEqual([]);
  expect(texts([...sampled].filter((second) => !stage.kept.has(second) && !stage.uncertain.has(second)))).toEqual([]);
  // What the quotes that were served make of those seconds is what the candles say, wherever no fault made a price an older one.
  const { candles } = expectedCandles(
    { path: "", every_s: 1, hours: { NFO: session }, isSampled: (t) => sampled.has(t) },
    stage.quotes,
    LEGS.map(({ entry, ...rest }) => ({ ...rest, entry_price: entry })),
  );
  const isCompared = ({ minute }: PlainCandle): boolean => !stage.disturbed.has(Date.parse(minute));
  const compared = rows.filter(isCompared);
  expect(compared).toEqual(candles.filter(isCompared).map((candle) => ({ ...candle, source: "live" })));
  const whole = compared.filter(({ sample_count }) => sample_count === 60);
  expect(compared.length).toBeGreaterThan(rows.length / 4);
  expect(rows.map(({ minute }) => minute)).toEqual(candles.map(({ minute }) => minute));
  // A process has after its first tenth what it has at its end; a tenth of a short session is no warm-up, and says nothing.
  for (const [place, first] of stage.memory.entries()) {
    const last = stage.memory.findLast((one) => one.process === first.process);
    const is_first = stage.memory[place - 1]?.process !== first.process;
    if (!IS_LONG || !is_first || last === undefined) continue;
    const told = JSON.stringify(stage.memory);
    expect(last.heap / first.heap, told).toBeLessThan(1.1);
    expect((last.heap + last.external) / (first.heap + first.external), told).toBeLessThan(1.1);
    expect(last.rss / first.rss, told).toBeLessThan(1.1);
  }
  console.log(
    `soak: ${stage.said.filter((line) => / -- .* s$/.test(line)).length} faults, ${stage.process_count} processes, ` +
      `${rows.length} candles, ${compared.length} compared (${whole.length} of 60 samples), ` +
      `${stage.kept.size} seconds marked, Redis too slow for the machine's load ${stage.slow_count} times, ${[...stage.uncertain].filter((second) => !sampled.has(second)).length} not in a candle, memory (heap + external, resident) ` +
      stage.memory.map((one) => `#${one.process} ${one.after_s} s ${mb(one.heap)} + ${mb(one.external)}, ${mb(one.rss)} MB`).join("; "),
  );
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

function secondsOf({ minute, sampled }: PlainCandle): number[] {
  const from_ms = Date.parse(minute);
  return Array.from({ length: 60 }, (_, s) => from_ms + s * 1000).filter((_, s) => (BigInt(sampled) & (1n << BigInt(s))) !== 0n);
}

function texts(seconds: readonly number[]): string[] {
  return seconds.map((second) => new Date(second).toISOString());
}
