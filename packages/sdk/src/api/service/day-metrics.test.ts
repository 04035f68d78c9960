import * as fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { MinuteCandle } from "../../m2m/minute.ts";
import { builtinCalendar } from "../../market/days.ts";
import { batchOf, upsertMany } from "../../store/candle.ts";
import type { Db } from "../../store/db.ts";
import type { Api } from "../contract.ts";
import { writeDays } from "./day-metrics.ts";

/** Days of strategies that legs leave, and that are archived, at whatever instant. A weekend lies after the second day. */
const DAYS = ["2026-11-12", "2026-11-13", "2026-11-16", "2026-11-17", "2026-11-18"] as const;
const [THU, FRI, MON, TUE] = DAYS;
const SAT = "2026-11-14";
const LAST_MINUTE = "15:39";
const FUT = "NFO:NIFTY26NOVFUT";
const OTHER = "NFO:BANKNIFTY26NOVFUT";

const ms = (day: string, time: string): number => Date.parse(`${day}T${time}+05:30`);

onEveryPostgres("days of what leaves", (store) => {
  let api: Api;
  let now_ms = 0;
  let accounts = 0;
  let account_id = "";
  let [kept, strategy_id] = [0, 0];

  beforeAll(() => {
    api = serviceOn(store.db, { now: () => now_ms });
  });
  const created = async (name: string): Promise<number> => (await api.strategies.create({ account_id, name })).strategy_id;
  async function account(): Promise<void> {
    now_ms = ms(THU, "08:00");
    account_id = `L${(accounts += 1)}`;
    await api.accounts.create({ account_id });
    kept = (await api.strategies.list({ account_id })).find(({ is_default }) => is_default)?.strategy_id ?? 0;
    strategy_id = await created("Condor");
  }
  beforeEach(account);

  const at = (day: string, time: string): void => void (now_ms = ms(day, time));
  const trade = (side: "BUY" | "SELL", quantity: number, price: number, { of = strategy_id, tradingsymbol = FUT } = {}) =>
    api.strategies.fills.add({ account_id, strategy_id: of, tradingsymbol, side, quantity, price });

  async function archive(of: number, { exit = false } = {}): Promise<void> {
    await api.strategies.archive({ account_id, strategy_id: of, move_to_default: exit });
    const sql = "update strategy set archived_at = to_timestamp($2::float8 / 1000) where strategy_id = $1";
    await store.db.run("test.archived", sql, [of, now_ms]);
  }

  /** The last minute of a day, of the legs that are open by now. */
  async function marked(day: string, prices: Readonly<Record<string, number>>): Promise<void> {
    const minute_ms = ms(day, LAST_MINUTE);
    const minutes: MinuteCandle[] = [];
    for (const strategy of await api.strategies.list({ account_id, status: "active" })) {
      const legs = await api.strategies.legs.list({ account_id, strategy_id: strategy.strategy_id });
      const open = legs.filter(({ closed_at }) => closed_at === null);
      const realized = legs.filter(({ closed_at, closed_by }) => closed_at !== null && closed_by !== "move");
      if (open.length === 0) continue;
      const units = (amounts: readonly number[]): number => amounts.reduce((sum, amount) => sum + Math.round(amount * 10_000), 0);
      const sign = (direction: "BUY" | "SELL"): number => (direction === "SELL" ? 1 : -1);
      const m2m = units(open.map((leg) => (prices[leg.instrument] ?? Number.NaN) * leg.quantity * sign(leg.direction)));
      minutes.push({
        strategy_id: strategy.strategy_id,
        minute_ms,
        open_units: m2m,
        high_units: m2m,
        low_units: m2m,
        close_units: m2m,
        entry_value_units: units(open.map(({ cost, direction }) => cost * sign(direction))),
        realized_pnl_units: units(realized.map(({ current_pnl }) => current_pnl ?? Number.NaN)),
        instrument_count: open.length,
        sampled: 1n,
        stale_count: 0,
        oldest_age_ms: 0,
        first_at_ms: minute_ms,
        last_at_ms: minute_ms,
        source: "live",
      });
    }
    await upsertMany(store.db, batchOf(minutes, "live"), { overwrite: true });
  }

  /** As the engine does when a session has ended. */
  const ended = (day: string, db: Db = store.db) => writeDays(db, { account_id, calendar: builtinCalendar(), now_ms: ms(day, "15:45") });

  async function told(of = strategy_id) {
    const days = await api.strategies.metrics({ account_id, strategy_id: of });
    return days.map((day) => [day.metric_date, day.day_pnl, day.realized_pnl, day.unrealized_pnl, day.total_trades, day.losing_trades]);
  }

  /** What the engine wrote, which is what is written from the beginning. */
  async function daysBy(day: string, of = strategy_id) {
    await ended(day);
    const before = await told(of);
    at(day, "16:00");
    expect(await api.metrics.rebuild({ account_id })).toMatchObject({ changed_count: 0 });
    expect(await ended(day)).toMatchObject({ changed_count: 0 });
    return before;
  }

  test("a leg that is closed after the close of a strategy's last session is in one more day", async () => {
    at(THU, "10:00");
    const [leg] = (await trade("BUY", 65, 100)).legs;
    at(THU, LAST_MINUTE);
    await marked(THU, { [FUT]: 200 });
    await ended(THU);
    at(THU, "17:00");
    await api.strategies.legs.close({ account_id, strategy_id, instrument_id: leg?.id ?? 0, exit_price: 90 });
    await archive(strategy_id);
    const expected = [
      [THU, 6500, 0, 6500, 0, 0],
      [FRI, -7150, -650, 0, 1, 1],
    ];
    expect(await daysBy(FRI)).toEqual(expected);
    expect(await daysBy(TUE)).toEqual(expected);
    const { overall } = await api.strategies.performance({ account_id, strategy_id, from: THU, to: THU });
    expect(overall).toMatchObject({ total_pnl: 6500, total_trades: 0 });
    const later = await api.strategies.performance({ account_id, strategy_id, from: FRI, to: MON });
    expect(later.overall).toMatchObject({ session_count: 1, total_pnl: -7150, total_trades: 1, losing_trades: 1 });
  });

  test("legs that go to the default strategy after a close are counted there from the next session on, and here no more", async () => {
    at(THU, "10:00");
    await trade("BUY", 40, 100);
    at(THU, LAST_MINUTE);
    await marked(THU, { [FUT]: 200 });
    at(THU, "18:00");
    await archive(strategy_id, { exit: true });
    at(FRI, LAST_MINUTE);
    await marked(FRI, { [FUT]: 275 });
    expect(await daysBy(FRI)).toEqual([
      [THU, 4000, 0, 4000, 0, 0],
      [FRI, -4000, 0, 0, 0, 0],
    ]);
    expect(await told(kept)).toEqual([[FRI, 7000, 0, 7000, 0, 0]]);
  });

  test("what goes to another strategy within the last minute is of neither twice, and of one of them on each day", async () => {
    at(THU, "10:00");
    await trade("BUY", 40, 100);
    at(THU, LAST_MINUTE);
    await marked(THU, { [FUT]: 200 });
    at(THU, "15:39:20");
    await archive(strategy_id, { exit: true });
    at(FRI, LAST_MINUTE);
    await marked(FRI, { [FUT]: 275 });
    expect(await daysBy(FRI)).toEqual([
      [THU, 4000, 0, 4000, 0, 0],
      [FRI, -4000, 0, 0, 0, 0],
    ]);
    expect(await told(kept)).toEqual([
      [THU, 0, 0, 0, 0, 0],
      [FRI, 7000, 0, 7000, 0, 0],
    ]);
  });

  test("archived on a day without a session: the next one has what changed before", async () => {
    at(FRI, "10:00");
    const [leg] = (await trade("SELL", 10, 100)).legs;
    at(FRI, LAST_MINUTE);
    await marked(FRI, { [FUT]: 90 });
    at(SAT, "11:00");
    await api.strategies.legs.close({ account_id, strategy_id, instrument_id: leg?.id ?? 0, exit_price: 80 });
    at("2026-11-15", "11:00");
    await archive(strategy_id);
    expect(await daysBy(FRI)).toHaveLength(1);
    expect((await daysBy(TUE)).slice(1)).toEqual([[MON, 100, 200, 0, 1, 0]]);
  });

  test("entered, left and archived between two sessions: a trade like any other", async () => {
    at(THU, "20:00");
    await trade("BUY", 10, 100);
    await trade("SELL", 10, 110);
    await archive(strategy_id);
    expect(await daysBy(TUE)).toEqual([[FRI, 100, 100, 0, 1, 0]]);
  });

  test("archived within a session, flat or not, or after it with nothing changed: no more days", async () => {
    at(THU, "10:00");
    await trade("SELL", 10, 100);
    const other = await created("Left at once");
    await trade("SELL", 10, 100, { of: other });
    const still = await created("Left as it is");
    await trade("SELL", 10, 100, { of: still });
    at(THU, "12:00");
    await trade("BUY", 10, 95, { of: other });
    await archive(other);
    at(THU, LAST_MINUTE);
    await marked(THU, { [FUT]: 90 });
    at(THU, "15:39:30");
    await trade("BUY", 10, 89);
    await archive(strategy_id);
    at(THU, "19:00");
    await archive(still);
    expect(await daysBy(TUE)).toEqual([[THU, 110, 110, 0, 1, 0]]);
    expect(await told(other)).toEqual([[THU, 50, 50, 0, 1, 0]]);
    expect(await told(still)).toEqual([[THU, 100, 0, 100, 0, 0]]);
  });

  test("left open and settled long after: that day and none between; what is open then without a price is unknown", async () => {
    at(THU, "10:00");
    const [first] = (await trade("SELL", 10, 100)).legs;
    const [second] = (await trade("SELL", 10, 50, { tradingsymbol: OTHER })).legs;
    at(THU, LAST_MINUTE);
    await marked(THU, { [FUT]: 90, [OTHER]: 40 });
    await archive(strategy_id);
    const settle = (id: number | undefined, day: string) =>
      store.db.run(
        "test.settled",
        `update strategy_instruments set closed_at = to_timestamp($2::float8 / 1000), closed_by = 'settlement', exit_price = 0, exit_value = 0
          where id = $1`,
        [id ?? 0, ms(day, "15:40")],
      );
    expect(await daysBy(FRI)).toEqual([[THU, 200, 0, 200, 0, 0]]);
    await settle(first?.id, MON);
    expect((await daysBy(MON)).slice(1)).toEqual([[MON, null, 1000, null, 0, 0]]);
    await settle(second?.id, TUE);
    expect((await daysBy("2026-11-18")).slice(2)).toEqual([[TUE, null, 1500, 0, 1, 0]]);
  });

  test("an absurd span is written some thousand rows at a time, and holes and leftovers are found in each", async () => {
    at(THU, "10:00");
    await trade("SELL", 10, 100);
    await store.db.run("test.old", "update strategy_instruments set added_at = '2005-01-03T05:00:00Z' where strategy_id = $1", [
      strategy_id,
    ]);
    const sizes: number[] = [];
    const counting: Db = {
      ...store.db,
      run: (name, sql, params) => {
        if (name.startsWith("metrics.")) sizes.push(...(params ?? []).map((param) => String(param).split("strategy_id").length - 1));
        return store.db.run(name, sql, params);
      },
    };
    const { day_count } = await ended(THU, counting);
    expect(day_count).toBeGreaterThan(5000);
    expect(Math.max(...sizes)).toBe(2000);
    const insert =
      "insert into strategy_pnl_metrics (strategy_id, metric_date) values ($1, '2005-01-02'), ($1, '2015-02-01'), ($1, '2026-11-14')";
    await store.db.run("test.leftover", insert, [strategy_id]);
    await store.db.run("test.hole", "delete from strategy_pnl_metrics where strategy_id = $1 and metric_date = '2020-06-17'", [
      strategy_id,
    ]);
    at(THU, "16:00");
    expect(await api.metrics.rebuild({ account_id })).toMatchObject({ day_count, changed_count: 4 });
    expect(await told()).toHaveLength(day_count);
  });

  describe("at random", () => {
    const WITHIN = "15:39:30";
    const TIMES = ["08:00", "10:00", "12:30", WITHIN, "17:00", "21:30"];
    const SLOTS = ["2026-11-12", "2026-11-13", SAT, "2026-11-16", "2026-11-17"].flatMap((day) => TIMES.map((time) => ({ day, time })));
    const Event = fc.record({
      slot: fc.nat(SLOTS.length - 1),
      kind: fc.constantFrom("enter", "enter", "leave", "move", "exit", "archive"),
      of: fc.nat(2),
      to: fc.nat(2),
      instrument: fc.constantFrom(FUT, OTHER),
      side: fc.constantFrom("BUY" as const, "SELL" as const),
      quantity: fc.integer({ min: 1, max: 7 }),
      is_part: fc.boolean(),
    });
    const prices = (slot: number): Record<string, number> => ({ [FUT]: 100 + ((slot * 37) % 23), [OTHER]: 50 + ((slot * 29) % 17) });
    const closing = (day: string): Record<string, number> => prices(100 + DAYS.findIndex((one) => one === day));

    test("what all strategies came to by each day is what the account paid, got and holds", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(Event, { minLength: 6, maxLength: 16 }),
          fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
          async (given, isOn) => {
            await account();
            const ids = [kept, strategy_id, await created("Straddle")];
            const gone = new Set<number>();
            const holds = new Map<string, number>();
            let cash = 0;
            const traded = (
              side: "BUY" | "SELL",
              { instrument, quantity, price }: { instrument: string; quantity: number; price: number },
            ) => {
              const sign = side === "BUY" ? 1 : -1;
              cash -= sign * quantity * price;
              holds.set(instrument, (holds.get(instrument) ?? 0) + sign * quantity);
            };
            const openOf = async (of: number) =>
              (await api.strategies.legs.list({ account_id, strategy_id: of })).filter(({ closed_at }) => closed_at === null);

            async function happens({ slot, kind, of: from, to: towards, instrument, side, quantity, is_part }: (typeof given)[number]) {
              const [of = 0, to = 0] = [ids[from], ids[towards]];
              // What is traded then is of that day where it leaves nothing, and of the next one else: moves alone leave each day exact.
              if (gone.has(of) || (SLOTS[slot]?.time === WITHIN && kind !== "move" && kind !== "exit")) return;
              const price = prices(slot);
              if (kind === "enter") {
                await trade(side, quantity, price[instrument] ?? 0, { of, tradingsymbol: instrument });
                traded(side, { instrument, quantity, price: price[instrument] ?? 0 });
              }
              const legs = kind === "enter" ? [] : await openOf(of);
              const some = kind === "archive" ? legs : kind === "leave" || kind === "move" ? legs.slice(0, 1) : [];
              for (const leg of some) {
                const part = is_part && kind !== "archive" ? Math.ceil(leg.quantity / 2) : leg.quantity;
                const key = { account_id, strategy_id: of, instrument_id: leg.id, quantity: part };
                const exit_price = price[leg.instrument] ?? 0;
                if (kind !== "move") {
                  await api.strategies.legs.close({ ...key, exit_price });
                  traded(leg.direction === "BUY" ? "SELL" : "BUY", { instrument: leg.instrument, quantity: part, price: exit_price });
                } else if (to !== of && !gone.has(to)) await api.strategies.legs.move({ ...key, to_strategy_id: to });
              }
              if ((kind !== "exit" && kind !== "archive") || of === kept) return;
              await archive(of, { exit: kind === "exit" });
              gone.add(of);
            }

            const events = given.toSorted((a, b) => a.slot - b.slot);
            const worth = new Map<string, number>();
            let done_ms = 0;
            const until = async (to_ms: number): Promise<void> => {
              for (const event of events) {
                const { day, time } = SLOTS[event.slot] ?? { day: "", time: "" };
                now_ms = ms(day, time);
                if (now_ms > done_ms && now_ms <= to_ms) await happens(event);
              }
              done_ms = to_ms;
              now_ms = to_ms;
            };
            for (const [place, day] of DAYS.entries()) {
              await until(ms(day, LAST_MINUTE));
              await marked(day, closing(day));
              worth.set(day, cash + [...holds].reduce((sum, [instrument, held]) => sum + held * (closing(day)[instrument] ?? 0), 0));
              await until(ms(day, "15:45"));
              if (isOn[place] === true) await ended(day);
            }
            await ended(DAYS.at(-1) ?? "");
            const all = await Promise.all(ids.map((of) => api.strategies.metrics({ account_id, strategy_id: of })));
            const sums = DAYS.map((day) => {
              const known = all.flat().filter(({ metric_date }) => metric_date <= day);
              return [day, known.reduce((sum, { day_pnl }) => sum + Math.round((day_pnl ?? Number.NaN) * 10_000), 0) / 10_000];
            });
            expect(sums).toEqual([...worth]);
            at(DAYS.at(-1) ?? "", "16:00");
            expect(await api.metrics.rebuild({ account_id })).toMatchObject({ changed_count: 0 });
          },
        ),
        { numRuns: 12 },
      );
    });
  });
});
