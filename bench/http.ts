import autocannon from "autocannon";
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { enterCandles, sessionsBefore } from "./candles.ts";
import { atLeast, atMost, figure, type PartResult } from "./figure.ts";
import { enterStrategies, Feed, minuteOf, sizeOf } from "./market.ts";
import { ratios } from "./measure.ts";
import type { Servers } from "./servers.ts";

const CONNECTIONS = 10;
/** Many short turns of both: a machine that is busy for some seconds is busy for both. */
const SECONDS = 2;
const TURNS_A_RUN = 3;

interface Load {
  /** Requests a second. */
  readonly rate: number;
  readonly p99_ms: number;
}

const Ready = z.object({ url: z.url(), token: z.string() });
const Ended = z.object({ sample_count: z.int(), skipped_count: z.int(), lost_count: z.int() });

/**
 * Calls over HTTP beside a handler of the same server that runs the same statement on the same pool and returns its rows, while
 * the engine in that process marks the strategies once a second.
 */
export async function benchHttp(servers: Servers, { strategy_count, runs }: { strategy_count: number; runs: number }): Promise<PartResult> {
  await using database = await servers.database(servers.debian());
  const size = sizeOf(strategy_count);
  await enterStrategies(database.db, size);
  await enterCandles(database.db, { strategy_count: Math.min(strategy_count, 200), day_count: 2 });
  const { url: redis_url } = await servers.redis();
  await using feed = new Feed(redis_url, size);
  await feed.move();
  const [{ open_ms, close_ms } = { open_ms: 0, close_ms: 0 }] = sessionsBefore(1);
  const [from, to] = [open_ms, close_ms].map((at_ms) => new Date(at_ms).toISOString());
  const served = await serving([database.url, redis_url, String(minuteOf(1)), from ?? "", to ?? ""]);
  const headers = { authorization: `Bearer ${served.token}` };
  const load = async (at: string): Promise<Load> => {
    const result = await autocannon({ url: `${served.url}${at}`, headers, connections: CONNECTIONS, duration: SECONDS });
    if (result.non2xx > 0 || result.errors > 0) throw new Error(`${at}: ${result.non2xx} were refused, ${result.errors} failed`);
    return { rate: result.requests.average, p99_ms: result.latency.p99 };
  };
  const calls = [
    { name: "GET /strategies/{id}", ours: "/strategies/1", bare: "/bare/strategy" },
    { name: "a day of M2M", ours: `/strategies/1/m2m?from_time=${from}&to_time=${to}`, bare: "/bare/day" },
  ];
  const figures = [];
  for (const { name, ours, bare } of calls) {
    await Promise.all([load(ours), load(bare)]); // warms up
    const measured: Load[] = [];
    const yardstick: Load[] = [];
    for (let turn = 0; turn < runs * TURNS_A_RUN; turn += 1) {
      measured.push(await load(ours));
      yardstick.push(await load(bare));
    }
    const of = (which: keyof Load) => {
      const values = measured.map((one) => one[which]);
      return {
        values,
        ratios: ratios(
          values,
          yardstick.map((one) => one[which]),
        ),
      };
    };
    const [rate, p99] = [of("rate"), of("p99_ms")];
    const against = "the rows alone";
    figures.push(
      figure(`${name}, requests`, rate.values, {
        size: strategy_count,
        unit: "a second",
        against: [{ yardstick: against, ratios: rate.ratios, target: atLeast(0.7) }],
      }),
      figure(`${name}, p99`, p99.values, {
        size: strategy_count,
        against: [{ yardstick: against, ratios: p99.ratios, target: atMost(2) }],
      }),
    );
  }
  const { sample_count, skipped_count, lost_count } = await served.end();
  figures.push(figure("samples missed meanwhile", [skipped_count], { size: strategy_count, unit: "samples", target: atMost(0) }));
  const loop = `${sample_count} samples of ${strategy_count.toLocaleString("en-US")} strategies in the same process meanwhile`;
  return {
    figures,
    notes: [`${loop}: ${skipped_count} skipped, ${lost_count} candles lost`, `${CONNECTIONS} connections, ${SECONDS} s a turn`],
  };
}

async function serving(args: readonly string[]): Promise<z.output<typeof Ready> & { end: () => Promise<z.output<typeof Ended>> }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "http-process.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = Ready.parse(JSON.parse(String((await lines.next()).value)));
  const end = async (): Promise<z.output<typeof Ended>> => {
    child.kill("SIGTERM");
    return Ended.parse(JSON.parse(String((await lines.next()).value)));
  };
  return { ...told, end };
}
