import { builtinCalendar, type Database } from "@stratctl/sdk/internal";
import { Client } from "pg";
import { readBook } from "../packages/engine/src/book.ts";
import { systemClock } from "../packages/engine/src/clock.ts";
import { BookKeeper } from "../packages/engine/src/keeper.ts";
import { atMost, figure, type PartResult } from "./figure.ts";
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
  const start: number[] = [];
  const bare: number[] = [];
  const held: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    const watched = watch();
    start.push(await timed(() => readBook(db, builtinCalendar(), { as_of_ms: minuteOf(0) })));
    held.push((await watched.stop()).work_ms_max);
    bare.push(await selectLegs(url));
  }
  const figures = [
    figure("book from the database", start.slice(1), {
      size,
      against: [{ yardstick: "SELECT of the legs", ratios: ratios(start, bare).slice(1) }],
    }),
    figure("  event loop held by it", held.slice(1), { size, target: atMost(50) }),
  ];
  const all = await refreshes(db, size, runs);
  for (const [changed, { ms, held_ms }] of all) {
    const title = `refresh, ${changed.toLocaleString("en-US")} legs changed`;
    figures.push(figure(title, ms, { size, target: changed === 1 && size === 100_000 ? atMost(20) : null }));
    figures.push(figure("  event loop held by it", held_ms, { size, target: atMost(50) }));
  }
  return { figures, notes: [] };
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

interface Refreshed {
  readonly ms: number[];
  readonly held_ms: number[];
}

async function refreshes(db: Database, size: number, runs: number): Promise<Map<number, Refreshed>> {
  const keeper = new BookKeeper({ db, calendar: builtinCalendar(), clock: systemClock });
  await refreshed(keeper, 0);
  const all = new Map<number, Refreshed>();
  let turn = 0;
  for (const changed of [0, ...CHANGES].filter((count) => count <= size)) {
    const one: Refreshed = { ms: [], held_ms: [] };
    for (let run = 0; run < runs; run += 1) {
      turn += 1;
      const before = quantityOf(keeper);
      // One leg a strategy, of strategies all over the book.
      if (changed > 0)
        await db.script(`update strategy_instruments leg set quantity = quantity + 1, cost = cost + entry_price from
          (select strategy_id, min(id) as id from strategy_instruments where strategy_id % ${Math.floor(size / changed)} = 0
            group by strategy_id limit ${changed}) as first where leg.id = first.id`);
      const watched = watch();
      const ms = await timed(() => refreshed(keeper, turn));
      one.held_ms.push((await watched.stop()).work_ms_max);
      one.ms.push(ms);
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
