import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { minuteAt, writeMinutes } from "../../../../test/support/minutes.ts";
import { serviceOn } from "../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { cleared, Desk, everything, NOTHING, textsOf } from "../../../../test/support/transfer.ts";
import { KIND_TABLES, TRANSFER_KINDS } from "../store/transfer-kinds.ts";
import { importFrom } from "./import.ts";

const AT_MS = Date.parse("2026-11-25T04:00:00Z");
const FUTURE = "NFO:NIFTY26NOVFUT";
const SYMBOLS = [FUTURE, "NFO:NIFTY26NOV24500CE", "NSE:RELIANCE"];

/** What is another's, or made anew: the book's changes, engines, keys of callers, a dump's listings, what migrations ran. */
const LEFT_OUT = ["book_change", "engine_leader", "idempotency_key", "instrument", "stratctl_migration"];

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((name) => !/[\p{Cc}\p{Cs}]/u.test(name));
const label = fc.tuple(fc.constantFrom("=", "+", "-", "@", "'=", '"', ",", "a"), text).map(([first, rest]) => first + rest);
const trade = fc.record({
  does: fc.constantFrom("BUY", "SELL", "BUY", "SELL", "move", "close"),
  symbol: fc.nat({ max: SYMBOLS.length - 1 }),
  of: fc.nat({ max: 2 }),
  quantity: fc.integer({ min: 1, max: 200 }),
  units: fc.integer({ min: 1, max: 3_000_000_000 }),
});
const history = fc.record({
  account_name: label,
  /** A broken line, a tab and a return in what nothing restricts. */
  notes: fc.string({ unit: fc.constantFrom("\n", "\r", "\t", '"', ",", "=", "x", "ü"), maxLength: 10 }),
  names: fc.uniqueArray(label, { minLength: 3, maxLength: 3, selector: (name) => name.trim().toLowerCase() }),
  tags: fc.array(
    label.map((tag) => tag.replaceAll(",", ";")),
    { maxLength: 3 },
  ),
  metadata: fc.json({ maxDepth: 2 }).filter((json) => !json.includes("\\u0000") && !/\\ud[89a-f]/i.test(json)),
  cost_method: fc.constantFrom("average" as const, "fifo" as const),
  trades: fc.array(trade, { minLength: 5, maxLength: 25 }),
  archives: fc.boolean(),
  settles: fc.boolean(),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

onEveryPostgres("an export and what it becomes", (store) => {
  const desk = new Desk();
  let made = 0;
  afterAll(() => desk.end());

  /** Plays it in an account, the only one, and gives its strategies. */
  async function played(given: History): Promise<number[]> {
    await cleared(store.db);
    made += 1;
    const account_id = `A${made}`;
    let now_ms = AT_MS;
    const api = serviceOn(store.db, { account_id, now: () => now_ms });
    await api.accounts.create({ account_id, account_name: given.account_name, aliases: [`alias-${made}`] });
    const ids: number[] = [];
    for (const name of given.names)
      ids.push((await api.strategies.create({ name, tags: given.tags, description: given.notes })).strategy_id);
    for (const [place, { does, symbol, of, quantity, units }] of given.trades.entries()) {
      now_ms += 1_000;
      const strategy_id = ids[of] ?? 0;
      const price = units / 10_000;
      const open = (await api.strategies.legs.list({ strategy_id })).filter(({ closed_at }) => closed_at === null);
      const leg = open.at(0);
      // A leg's first part fixes it, a move by average.
      const cost_method = open.every((one) => one.cost_method === null) ? given.cost_method : undefined;
      const fill = { strategy_id, tradingsymbol: SYMBOLS[symbol] ?? FUTURE, quantity, price, cost_method, external_id: `${made}-${place}` };
      if (does === "BUY" || does === "SELL") await api.strategies.fills.add({ ...fill, side: does });
      else if (leg !== undefined) {
        const part = { strategy_id, instrument_id: leg.id, quantity: Math.min(quantity, leg.quantity) };
        if (does === "move") await api.strategies.legs.move({ ...part, to_strategy_id: ids[(of + 1) % 3] ?? 0 });
        else await api.strategies.legs.close({ ...part, exit_price: price, cost_method });
      }
    }
    now_ms = Date.parse("2026-12-01T04:00:00Z");
    if (given.settles) await api.settle({ closes: { NIFTY: 24500.25 }, day: "2026-11-24" });
    if (given.archives) await api.strategies.archive({ strategy_id: ids[2] ?? 0, move_to_default: true });
    await beside(ids, given);
    return (await api.strategies.list({})).map(({ strategy_id }) => strategy_id);
  }

  /** What engines write, and what no call reaches. */
  async function beside([strategy_id = 0]: number[], { notes, metadata }: History): Promise<void> {
    await writeMinutes(
      store.db,
      Array.from({ length: 5 }, (_, minute) => minuteAt(strategy_id, AT_MS + minute * 60_000, minute)),
    );
    await store.db.run(
      "test.seconds",
      "update strategy_m2m_candles set sampled = 1152921504606846975, sample_count = 60 where strategy_id = $1 and timestamp = $2",
      [strategy_id, new Date(AT_MS).toISOString()],
    );
    await store.db.run("test.gap", "insert into strategy_gap values ($1, '2026-11-25T03:45:00Z', '2026-11-25T03:46:00Z', $2)", [
      strategy_id,
      notes,
    ]);
    await store.db.run(
      "test.day",
      "insert into strategy_pnl_metrics (strategy_id, metric_date, day_pnl) values ($1, '2026-11-25', -0.0001)",
      [strategy_id],
    );
    await store.db.run("test.mark", "insert into strategy_mark values ($1, now(), 1.5, 3.5, 5, 0, 1, 1, 0, 9007199254740991, null)", [
      strategy_id,
    ]);
    await store.db.run(
      "test.price",
      "insert into last_quote select distinct exchange, tradingsymbol, 24500.0001, now(), $1 from strategy_instruments where closed_at is null",
      [notes],
    );
    await store.db.run("test.metadata", "update strategy set metadata = $2::jsonb where strategy_id = $1", [strategy_id, metadata]);
    await store.db.run("test.notes", "update strategy_instruments set notes = $2, lot_size = 75 where strategy_id = $1", [
      strategy_id,
      notes,
    ]);
  }

  test("every table is in it or is another's, and every column of them as the catalogue has it", async () => {
    const Column = z.object({ table_name: z.string(), column_name: z.string(), is_nullable: z.string() });
    const columns = await store.db.many(
      Column,
      "test.columns",
      `select table_name, column_name, is_nullable from information_schema.columns join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    const tables = new Set(columns.map(({ table_name }) => table_name));
    expect([...tables].toSorted()).toEqual([...LEFT_OUT, ...TRANSFER_KINDS.map((kind) => KIND_TABLES[kind].table)].toSorted());
    for (const kind of TRANSFER_KINDS) {
      const of = columns.filter(({ table_name }) => table_name === KIND_TABLES[kind].table);
      const told = KIND_TABLES[kind].columns.map(({ column, is_nullable }) => `${column} ${is_nullable ? "YES" : "NO"}`);
      expect(told.toSorted(), kind).toEqual(of.map(({ column_name, is_nullable }) => `${column_name} ${is_nullable}`).toSorted());
    }
  });

  test("a round trip loses nothing, as CSV and as JSON, and again changes nothing", async () => {
    const [fromCsv, fromJson] = [await desk.empty(), await desk.empty()];
    await fc.assert(
      fc.asyncProperty(history, async (given) => {
        await Promise.all([fromCsv, fromJson].map(cleared));
        const ids = await played(given);
        const [csv, json] = [await desk.exported(store.db, "csv", ids), await desk.exported(store.db, "json", ids)];
        const rows = (report: Awaited<ReturnType<typeof importFrom>>, of: "added" | "unchanged"): number =>
          report.reduce((sum, one) => sum + one[of], 0);
        const first = await importFrom(fromCsv, { path: csv, dry_run: false });
        expect(rows(first, "unchanged")).toBe(0);
        await importFrom(fromJson, { path: json, dry_run: false });
        const [before, ...after] = await Promise.all([store.db, fromCsv, fromJson].map(everything));
        expect(after).toEqual([before, before]);
        expect(await textsOf(await desk.exported(fromCsv, "csv", ids))).toEqual(await textsOf(csv));
        expect(await textsOf(await desk.exported(fromCsv, "json", ids))).toEqual(await textsOf(json));
        for (const path of [csv, json]) {
          const again = await importFrom(fromCsv, { path, dry_run: false });
          expect([rows(again, "added"), rows(again, "unchanged")]).toEqual([0, rows(first, "added")]);
        }
        const next = await serviceOn(fromCsv, { account_id: null }).strategies.create({ name: "next one" });
        expect(next.strategy_id).toBeGreaterThan(Math.max(...ids));
        const leg = { strategy_id: next.strategy_id, direction: "BUY", quantity: 1, tradingsymbol: FUTURE, entry_price: 1 };
        await serviceOn(fromCsv).strategies.legs.add(leg);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  test("a dry run says what would come, and nothing has", async () => {
    const [given] = fc.sample(history, 1);
    if (given === undefined) throw new Error("no history");
    const path = await desk.exported(store.db, "csv", await played(given));
    const db = await desk.empty();
    const report = await importFrom(db, { path, dry_run: true });
    expect(report.find(({ kind }) => kind === "candles")).toEqual({ kind: "candles", added: 5, unchanged: 0 });
    expect(await everything(db)).toEqual(NOTHING);
    expect(await importFrom(db, { path, dry_run: false })).toEqual(report);
  });
});
