import { builtinCalendar, type Database } from "@stratctl/sdk/internal";
import { Client } from "pg";
import { readBook } from "../packages/engine/src/book.ts";
import { systemClock } from "../packages/engine/src/clock.ts";
import { BookKeeper } from "../packages/engine/src/keeper.ts";
import { atMost, figure, type Figure, type PartResult, type Target } from "./figure.ts";
import { enterStrategies, minuteOf, sizeOf } from "./market.ts";
import { ratios, timed, watch } from "./measure.ts";
import type { Servers } from "./servers.ts";

const CHANGES = [1, 100, 10_000] as const;

/** The book from the database, and brought up to date after some legs changed. */
export async function benchBook(
  servers: Servers,
  { strategies, runs }: { strategies: readonly number[]; runs: number },
): Promise<PartResult> {
  const results: PartResult[] = [];
  for (const strategy_count of strategies) results.push(await ofSize(servers, strategy_count, runs));
  return { figures: results.flatMap(({ figures }) => figures), notes: results.flatMap(({ notes }) => notes) };
}

async function ofSize(servers: Servers, size: number, runs: number): Promise<PartResult> {
  await using database = await servers.database(servers.debian());
  const { db, url } = database;
  await enterStrategies(db, sizeOf(size));
  const start: Watched[] = [];
  const whole: Watched[] = [];
  const bare: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    start.push(await watched(() => refreshed(keeperOf(db), 0)));
    whole.push(await watched(() => readBook(db, builtinCalendar(), { as_of_ms: null })));
    bare.push(await selectLegs(url));
  }
  const figures = [
    ...figuresOf("book at the daemon's start", start.slice(1), { size, bare: bare.slice(1) }),
    ...figuresOf("book in one read, for a replay", whole.slice(1), { size, bare: bare.slice(1) }),
  ];
  const all = await refreshes(db, size, runs);
  for (const [changed, times] of all) {
    const title = `refresh, ${changed.toLocaleString("en-US")} legs changed`;
    figures.push(...figuresOf(title, times, { size, target: changed === 1 && size === 100_000 ? atMost(20) : null }));
  }
  return { figures, notes: ["a replay reads its book before it begins, when nothing waits for the event loop"] };
}

interface Watched {
  readonly ms: number;
  /** Of the event loop, by its own work. */
  readonly held_ms: number;
}

async function watched(work: () => Promise<unknown>): Promise<Watched> {
  const watching = watch();
  const ms = await timed(work);
  return { ms, held_ms: (await watching.stop()).work_ms_max };
}

function figuresOf(
  name: string,
  times: readonly Watched[],
  { size, target = null, bare }: { size: number; target?: Target | null; bare?: readonly number[] },
): Figure[] {
  const all_ms = times.map(({ ms }) => ms);
  const against = bare === undefined ? [] : [{ yardstick: "SELECT of the legs", ratios: ratios(all_ms, bare) }];
  const held_target = name.includes("replay") ? null : atMost(50);
  return [
    figure(name, all_ms, { size, target, against }),
    figure(
      "  event loop held by it",
      times.map(({ held_ms }) => held_ms),
      { size, target: held_target },
    ),
  ];
}

/** Rows of the legs and no more, read by the driver as arrays. */
async function selectLegs(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const text = `select strategy_id, id, exchange, tradingsymbol, direction, quantity, entry_price, cost
    from strategy_instruments where closed_at is null order by strategy_id, id`;
  const ms = await timed(() => client.query({ text, rowMode: "array" }));
  await client.end();
  return ms;
}

function keeperOf(db: Database): BookKeeper {
  return new BookKeeper({ db, calendar: builtinCalendar(), clock: systemClock });
}

async function refreshes(db: Database, size: number, runs: number): Promise<Map<number, Watched[]>> {
  const keeper = keeperOf(db);
  await refreshed(keeper, 0);
  const all = new Map<number, Watched[]>();
  let turn = 0;
  for (const changed of [0, ...CHANGES].filter((count) => count <= size)) {
    const one: Watched[] = [];
    for (let run = 0; run < runs; run += 1) {
      turn += 1;
      const before = quantityOf(keeper);
      // One leg a strategy, of strategies all over the book.
      if (changed > 0)
        await db.script(`update strategy_instruments leg set quantity = quantity + 1, cost = cost + entry_price from
          (select strategy_id, min(id) as id from strategy_instruments where strategy_id % ${Math.floor(size / changed)} = 0
            group by strategy_id limit ${changed}) as first where leg.id = first.id`);
      const minute = turn;
      one.push(await watched(() => refreshed(keeper, minute)));
      if (quantityOf(keeper) - before !== changed) throw new Error(`the book saw ${quantityOf(keeper) - before} of ${changed} changes`);
    }
    all.set(changed, one);
  }
  return all;
}

/** The keeper waits for a slow database no longer than samples can; the bench waits for the keeper. */
async function refreshed(keeper: BookKeeper, turn: number): Promise<void> {
  const { signal } = new AbortController();
  while ((await keeper.refresh(minuteOf(turn), signal)) !== null) await systemClock.sleep(50, signal);
}

function quantityOf({ book }: BookKeeper): number {
  return book.leg_quantity.reduce((sum, quantity) => sum + Math.abs(quantity), 0);
}
