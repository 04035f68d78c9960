import { spawn } from "node:child_process";
import path from "node:path";
import { connect, type Stratctl } from "@stratctl/sdk";
import { Client } from "pg";
import { enterCandles, sessionsBefore } from "./candles.ts";
import { atMost, figure, type Figure, type PartResult } from "./figure.ts";
import { enterStrategies, Feed, minuteOf, sizeOf } from "./market.ts";
import { ratios, timed } from "./measure.ts";
import type { Servers } from "./servers.ts";
import { until } from "../test/support/server.ts";

const DAY_COUNT = 20;
/** Calls of one run, each of another strategy: the run's figure is their mean. */
const CALLS = 20;

/** History through the SDK beside a bare SQL query through pg, with and without a daemon at work on the same database. */
export async function benchHistory(
  servers: Servers,
  { strategy_count, runs }: { strategy_count: number; runs: number },
): Promise<PartResult> {
  await using database = await servers.database(servers.debian());
  const { url } = database;
  const size = sizeOf(strategy_count);
  await enterStrategies(database.db, size);
  const candle_count = await enterCandles(database.db, { strategy_count, day_count: DAY_COUNT });
  await using sdk = await connect({ url, account_id: "BENCH" });
  const client = new Client({ connectionString: url });
  await client.connect();
  const { url: redis_url } = await servers.redis();
  await using feed = new Feed(redis_url, size);
  await feed.move();
  const daemon = startDaemon(url, redis_url);
  await until(
    () => hasMarks(client),
    () => "the daemon writes no marks",
    60_000,
  );
  const beside = await measured(sdk, client, { strategy_count, runs, name: ", beside the daemon" });
  daemon.kill();
  const alone = await measured(sdk, client, { strategy_count, runs, name: "" });
  await client.end();
  return { figures: [...alone, ...beside], notes: [`${candle_count.toLocaleString("en-US")} candles of ${DAY_COUNT} days in the table`] };
}

function startDaemon(url: string, redis_url: string): { kill: () => void } {
  const program = path.join(import.meta.dirname, "daemon-process.ts");
  const child = spawn(process.execPath, [program, url, redis_url, String(minuteOf(1))], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return {
    kill() {
      if (child.exitCode !== null) throw new Error("the daemon ended before what was to be measured beside it");
      child.kill();
    },
  };
}

async function hasMarks(client: Client): Promise<void> {
  const { rowCount } = await client.query("select from strategy_mark limit 1");
  if (rowCount === 0) throw new Error("not yet");
}

interface Measured {
  readonly strategy_count: number;
  readonly runs: number;
  readonly name: string;
}

async function measured(sdk: Stratctl, client: Client, { strategy_count, runs, name }: Measured): Promise<Figure[]> {
  const sessions = sessionsBefore(DAY_COUNT);
  const [first, last] = [sessions[0], sessions.at(-1)];
  if (first === undefined || last === undefined) throw new Error("no sessions");
  const { history } = sdk.strategies.m2m;
  const [from_time, to_time] = [first.open_ms, last.close_ms].map((at_ms) => new Date(at_ms).toISOString());
  const day = new Date(last.open_ms).toISOString().slice(0, 10);
  const range = (strategy_id: number, from_ms: number): unknown[] => [strategy_id, new Date(from_ms), new Date(last.close_ms)];
  const pairs: readonly Pair[] = [
    {
      name: "a day of one strategy",
      sdk: async (strategy_id) => (await history({ strategy_id, day })).length,
      bare: (strategy_id) => rows(client, "day", BARE_DAY, range(strategy_id, last.open_ms)),
      calls: CALLS,
      is_target: true,
    },
    {
      name: "30 days at 5 min",
      sdk: async (strategy_id) => (await history({ strategy_id, from_time, to_time, interval: "5m" })).length,
      bare: (strategy_id) => rows(client, "rolled", BARE_ROLLED, range(strategy_id, first.open_ms)),
      calls: CALLS,
      is_target: false,
    },
    {
      name: "latest marks of all",
      sdk: async () => (await sdk.strategies.list({})).length,
      bare: () => rows(client, "marks", BARE_MARKS, []),
      calls: 1,
      is_target: false,
    },
  ];
  const figures: Figure[] = [];
  for (const pair of pairs) figures.push(await compared(pair, { strategy_count, runs, name }));
  return figures;
}

/** The same rows both ways; each gives how many. */
interface Pair {
  readonly name: string;
  readonly sdk: (strategy_id: number) => Promise<number>;
  readonly bare: (strategy_id: number) => Promise<number>;
  readonly calls: number;
  readonly is_target: boolean;
}

async function compared(pair: Pair, { strategy_count, runs, name }: Measured): Promise<Figure> {
  const sdk: number[] = [];
  const bare: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    let [sdk_ms, bare_ms] = [0, 0];
    for (let call = 0; call < pair.calls; call += 1) {
      // Each reads pages that the other has not just brought into the cache.
      const strategy_id = 1 + (((run * 2 * CALLS + call * 2) * 37) % (strategy_count - 37));
      let [told, given] = [0, 0];
      sdk_ms += await timed(async () => (told = await pair.sdk(strategy_id)));
      bare_ms += await timed(async () => (given = await pair.bare(strategy_id + 37)));
      if (told !== given || told === 0) throw new Error(`${pair.name}: ${told} rows through the SDK, ${given} by the bare query`);
    }
    sdk.push(sdk_ms / pair.calls);
    bare.push(bare_ms / pair.calls);
  }
  const ratio = { yardstick: "bare query", ratios: ratios(sdk, bare).slice(1), target: pair.is_target && name === "" ? atMost(2) : null };
  return figure(`${pair.name}${name}`, sdk.slice(1), { size: strategy_count, against: [ratio] });
}

async function rows(client: Client, name: string, text: string, values: unknown[]): Promise<number> {
  return (await client.query({ name, text, values })).rows.length;
}

const BARE_DAY = `select strategy_id, timestamp, open, high, low, close, entry_value, realized_pnl, instrument_count, sample_count,
    stale_count, oldest_age_ms, sampled, first_at, last_at, source
  from strategy_m2m_candles where strategy_id = $1 and timestamp >= $2 and timestamp < $3 order by timestamp`;
const BARE_ROLLED = `select date_bin('5 minutes', timestamp, $2) as bucket, (array_agg(open order by timestamp))[1] as open, max(high) as high,
    min(low) as low, (array_agg(close order by timestamp desc))[1] as close
  from strategy_m2m_candles where strategy_id = $1 and timestamp >= $2 and timestamp < $3 group by bucket order by bucket`;
const BARE_MARKS = `select strategy.strategy_id, strategy_name, status, at, m2m, pnl, priced, stale, reason
  from strategy left join strategy_mark using (strategy_id)`;
