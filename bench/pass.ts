import { Engine, type Shape } from "./engine.ts";
import { atLeast, atMost, figure, type Figure, type PartResult, type Target } from "./figure.ts";
import { enterStrategies, Feed, minuteOf, sizeOf } from "./market.ts";
import { fitOf, ratios, spreadOf, timed, type Fit } from "./measure.ts";
import type { Servers } from "./servers.ts";
import { Floor, floorRows, OldLoop } from "./yardsticks.ts";

export interface PassOptions {
  readonly strategies: readonly number[];
  readonly runs: number;
  readonly kind?: "debian" | "embedded";
  /** The old loop is run on so many strategies and scaled by its own slope. */
  readonly old_sizes?: readonly number[];
  readonly shape?: Shape;
}

/** Milliseconds of one round at one size, everything measured once, in turn. */
export interface Round {
  readonly old: number;
  readonly old_fit: Fit;
  readonly mget: number;
  readonly copy: number;
  readonly sample: number;
  /** With one price in ten moved since the sample before. */
  readonly calm_sample: number;
  readonly new_minute: Steps;
  readonly merge: Steps;
}

interface Steps {
  readonly total: number;
  readonly sample: number;
  readonly write: number;
}

/** The whole pass: read quotes, mark, fold, write; into a new minute and into one that has its rows. */
export async function benchPass(servers: Servers, options: PassOptions): Promise<PartResult> {
  const where = options.kind === "embedded" ? " (embedded)" : "";
  const figures: Figure[] = [];
  const costs: Record<"new minute" | "merge", [number, number][]> = { "new minute": [], merge: [] };
  const notes: string[] = [];
  for (const strategy_count of options.strategies) {
    const rounds = await roundsOf(servers, strategy_count, options);
    figures.push(...figuresOf(rounds, strategy_count, where));
    for (const { new_minute, merge } of rounds) {
      costs["new minute"].push([strategy_count, new_minute.total]);
      costs.merge.push([strategy_count, merge.total]);
    }
    notes.push(
      ...rounds.slice(0, 1).map(({ old_fit }) => `old loop${where}, beside ${strategy_count.toLocaleString("en-US")}: ${fitText(old_fit)}`),
    );
  }
  if (options.strategies.length > 1)
    for (const [name, points] of Object.entries(costs)) notes.push(`${name}${where}, over all sizes: ${fitText(fitOf(points))}`);
  return { figures, notes };
}

export async function roundsOf(
  servers: Servers,
  strategy_count: number,
  { runs, kind = "debian", old_sizes = OLD_SIZES, shape = {} }: PassOptions,
): Promise<Round[]> {
  const size = sizeOf(strategy_count);
  const { url: redis_url } = await servers.redis();
  await using database = await servers.database(kind === "debian" ? servers.debian() : servers.embedded());
  const { db, url } = database;
  await enterStrategies(db, size);
  await using feed = new Feed(redis_url, size);
  await feed.move();
  await using floor = await Floor.open({ url, redis_url, feed });
  await using old = await OldLoop.open({ url, redis_url, strategy_count: Math.max(...old_sizes), feed });
  await using engine = await Engine.open({ db, redis_url, as_of_ms: minuteOf(0), shape });
  const rounds: Round[] = [];
  // The first round warms up and is not counted.
  for (let turn = 0; turn <= runs; turn += 1) {
    const points: [number, number][] = [];
    for (const count of old_sizes) points.push([count, await old.run(minuteOf(turn), count)]);
    const old_fit = fitOf(points);
    const { rows, ...measured } = await pass(engine, feed, turn);
    await db.script("checkpoint");
    const copy = await floor.copy(rows);
    const reads = await readsOf(engine, feed, floor, turn);
    await db.script("checkpoint");
    rounds.push({ old: old_fit.intercept + old_fit.slope * strategy_count, old_fit, copy, ...reads, ...measured });
  }
  return rounds.slice(1);
}

/** In every round, so that it is measured beside the pass. */
const OLD_SIZES = [25, 50, 100, 200] as const;

async function pass(
  engine: Engine,
  feed: Feed,
  turn: number,
): Promise<Pick<Round, "new_minute" | "merge"> & { rows: ReturnType<typeof floorRows> }> {
  const minute_ms = minuteOf(turn);
  const step = async (at_ms: number): Promise<Steps & { written: Awaited<ReturnType<Engine["write"]>> }> => {
    await feed.move();
    engine.begin(minute_ms);
    const sample = await timed(() => engine.sample(at_ms));
    const began = performance.now();
    const written = await engine.write();
    const write = performance.now() - began;
    return { total: sample + write, sample, write, written };
  };
  const { written, ...new_minute } = await step(minute_ms);
  const { written: merged, ...merge } = await step(minute_ms + 5_000);
  if (written.marks === null || merged.marks === null) throw new Error("a minute without marks");
  return { new_minute, merge, rows: floorRows(written.candles, written.marks, feed) };
}

/** A few milliseconds are easily doubled by what else the machine does: the median of several, in turn. */
async function readsOf(engine: Engine, feed: Feed, floor: Floor, turn: number): Promise<Pick<Round, "sample" | "calm_sample" | "mget">> {
  const [sample, calm_sample, mget] = [new Array<number>(), new Array<number>(), new Array<number>()];
  engine.begin(minuteOf(turn));
  for (let read = 1; read <= READS; read += 1) {
    const at_ms = minuteOf(turn) + 5_000 + read * 2_000;
    await feed.move();
    mget.push(await floor.mget());
    sample.push(await timed(() => engine.sample(at_ms)));
    await feed.move({ every: 10, from: read % 10 });
    calm_sample.push(await timed(() => engine.sample(at_ms + 1_000)));
  }
  engine.drop();
  return { sample: spreadOf(sample).median, calm_sample: spreadOf(calm_sample).median, mget: spreadOf(mget).median };
}

const READS = 5;

function figuresOf(rounds: readonly Round[], size: number, where: string): Figure[] {
  const of = (read: (round: Round) => number): number[] => rounds.map(read);
  const floor = of(({ mget, copy }) => mget + copy);
  const old = of((round) => round.old);
  const main = where === "";
  const passFigure = (name: string, values: number[], floor_max: number, old_min: number | null): Figure =>
    figure(`pass, ${name}${where}`, values, {
      size,
      target: main && size === 1_000 ? atMost(25) : null,
      against: [
        { yardstick: "floor", ratios: ratios(values, floor), target: main ? at100k(size, atMost(floor_max)) : null },
        {
          yardstick: "old loop ÷ it",
          ratios: ratios(old, values),
          target: main && old_min !== null ? at100k(size, atLeast(old_min)) : null,
        },
      ],
    });
  const sample = of((round) => round.sample);
  const calm = of((round) => round.calm_sample);
  const mget = of((round) => round.mget);
  return [
    passFigure(
      "new minute",
      of(({ new_minute }) => new_minute.total),
      2.5,
      150,
    ),
    passFigure(
      "merge",
      of(({ merge }) => merge.total),
      3,
      null,
    ),
    figure(
      `  its write, new minute${where}`,
      of(({ new_minute }) => new_minute.write),
      { size },
    ),
    figure(
      `  its write, merge${where}`,
      of(({ merge }) => merge.write),
      { size },
    ),
    figure(`sample, no write${where}`, sample, {
      size,
      against: [{ yardstick: "MGET", ratios: ratios(sample, mget), target: main ? atMost(2) : null }],
    }),
    figure(`sample, a tenth of the prices moved${where}`, calm, {
      size,
      against: [{ yardstick: "MGET", ratios: ratios(calm, mget) }],
    }),
    figure(`MGET of its keys${where}`, mget, { size }),
    figure(
      `COPY of its rows${where}`,
      of(({ copy }) => copy),
      { size },
    ),
    figure(`old loop, by its slope${where}`, old, { size }),
  ];
}

function at100k(size: number, target: Target): Target | null {
  return size === 100_000 ? target : null;
}

function fitText({ slope, intercept, r2 }: Fit): string {
  return `${(slope * 1000).toPrecision(3)} ms a thousand strategies, ${intercept.toPrecision(3)} ms for none, r² ${r2.toFixed(4)}`;
}
