import { expect } from "vitest";
import { backfill, replay } from "../../packages/engine/src/index.ts";
import { builtinCalendar, openRecording, writeDays, type RecordedQuote } from "../../packages/sdk/src/internal.ts";
import type { Api } from "../../packages/sdk/src/api/contract.ts";
import type { DayMetrics } from "../../packages/sdk/src/model/metrics.ts";
import { serviceOn } from "../support/service.ts";
import { TestClock } from "../support/clock.ts";
import type { Store } from "../support/store.ts";
import { expectedDays, expectedMinutes, type ExpectedDay, type Law, type PlainStrategy } from "./expected-metrics.ts";
import type { PlainTrade } from "./ledger.ts";
import type { PlainCandle } from "./expected.ts";
import { candleRows } from "./rows.ts";

/** A recording is lived through: at each instant of a trade what came before is replayed, then the trade is told to the service. */

const MINUTE = 60_000;

interface Entry {
  readonly strategy_id: number;
  readonly trade: PlainTrade;
}

interface Expectation {
  readonly candles: PlainCandle[];
  readonly days: ExpectedDay[];
}

const known = new WeakMap<Law, WeakMap<PlainStrategy, Expectation>>();

/** Computed once, for both databases. */
function expectedOf(law: Law, strategy: PlainStrategy): Expectation {
  const ofLaw = known.get(law) ?? new WeakMap<PlainStrategy, Expectation>();
  known.set(law, ofLaw);
  const make = (): Expectation => {
    const candles = expectedMinutes(law, strategy);
    return { candles, days: expectedDays(law, strategy, candles) };
  };
  const expectation = ofLaw.get(strategy) ?? make();
  ofLaw.set(strategy, expectation);
  return expectation;
}

export class Diary {
  readonly #store: Store;
  readonly #law: Law;
  readonly #account_id: string;
  readonly #api: Api;
  readonly #ids = new Map<string, number>();
  #quotes: RecordedQuote[] | null = null;
  #now = 0;
  #leg_closes = 0;

  constructor(store: Store, law: Law, account_id: string) {
    this.#store = store;
    this.#law = law;
    this.#account_id = account_id;
    this.#api = serviceOn(store.db, { now: () => this.#now, account_id });
  }

  /** All of it, until the end of the last day; with `afterwards` the recording comes when all was traded. */
  async live(strategies: Readonly<Record<string, PlainStrategy>>, { afterwards = false } = {}): Promise<void> {
    await this.#enter(strategies);
    const entries = Object.entries(strategies).flatMap(([name, { trades }]) =>
      trades.map((trade): Entry => ({ strategy_id: this.#idOf(name), trade })),
    );
    // The minute of a trade is of the book before it; one at a minute's start is in that minute's book.
    const ofMinute = Map.groupBy(entries, ({ trade }) => Math.ceil(trade.at / MINUTE) * MINUTE);
    for (const minute of [...ofMinute.keys()].toSorted((a, b) => a - b)) {
      if (!afterwards) await this.#runUntil(minute);
      const due = ofMinute.get(minute) ?? [];
      for (const entry of due.toSorted((a, b) => a.trade.at - b.trade.at)) {
        // What settles comes in the evening.
        if (entry.trade.settles !== undefined && !afterwards) await this.#writeDays(minute);
        await this.#tell(entry);
      }
      if (!afterwards) await this.#writeDays(minute);
    }
    const closes = this.#law.days.flatMap(({ hours }) => Object.values(hours).map(({ close }) => Date.parse(close)));
    this.#now = Math.max(...closes) + 60 * MINUTE;
    await this.#runUntil(this.#now);
    await this.#writeDays(this.#now);
  }

  /** Its candles and its days are those that the design's sentences make of the recording and the trades. */
  async expectEqual(name: string, strategy: PlainStrategy): Promise<void> {
    const strategy_id = this.#idOf(name);
    const { candles, days: expected } = expectedOf(this.#law, strategy);
    expect(await this.candles(name), name).toEqual(candles);
    // Days that were written as they ended are those that are written from the beginning.
    expect(await this.#api.metrics.rebuild({ strategy_id }), name).toMatchObject({ changed_count: 0 });
    const told = await this.days(name);
    const [first] = expected;
    // Every field of a day is compared with one that was computed.
    const compared = ["strategy_id", ...Object.keys({ ...first?.figures, ...first?.ratios })];
    expect(Object.keys(told[0] ?? {}).toSorted()).toEqual(compared.toSorted());
    expect(
      told.map((day) => figuresOf(day, first)),
      name,
    ).toEqual(expected.map(({ figures }) => figures));
    for (const [place, { ratios }] of expected.entries())
      for (const [field, exact] of Object.entries(ratios)) {
        const ratio = Object.entries(told[place] ?? {}).find(([key]) => key === field)?.[1];
        const what = `${name}: ${field} of ${told[place]?.metric_date ?? "no day"}`;
        if (exact === null || typeof ratio !== "number") expect(ratio, what).toBe(exact);
        else expect(exact.minus(ratio).abs().toNumber(), `${what}: ${ratio}, exactly ${exact.toString()}`).toBeLessThanOrEqual(0.0000501);
      }
  }

  candles(name: string): Promise<PlainCandle[]> {
    return candleRows(this.#store.db, this.#idOf(name));
  }

  days(name: string): Promise<DayMetrics[]> {
    return this.#api.strategies.metrics({ strategy_id: this.#idOf(name) });
  }

  #idOf(name: string): number {
    return this.#ids.get(name) ?? 0;
  }

  async #enter(strategies: Readonly<Record<string, PlainStrategy>>): Promise<void> {
    await this.#api.accounts.create({ account_id: this.#account_id });
    const all = await this.#api.strategies.list({ account_id: this.#account_id });
    const kept = all.find(({ is_default }) => is_default)?.strategy_id ?? 0;
    for (const [name, { capital, margin, is_default = false }] of Object.entries(strategies)) {
      const strategy_id = is_default ? kept : (await this.#api.strategies.create({ name })).strategy_id;
      await this.#api.strategies.update({ strategy_id, total_capital_deployed: capital, total_margin_used: margin ?? null });
      this.#ids.set(name, strategy_id);
    }
  }

  /** As the engine does when sessions have ended. */
  async #writeDays(now_ms: number): Promise<void> {
    for (const strategy_id of this.#ids.values()) await writeDays(this.#store.db, { strategy_id, calendar: builtinCalendar(), now_ms });
  }

  async #runUntil(now: number): Promise<void> {
    const { path, every_s, source, days } = this.#law;
    const shared = { db: this.#store.db, strategy_ids: [...this.#ids.values()], every_ms: every_s * 1000, clock: new TestClock(now) };
    if (source === "replay") await replay({ ...shared, path });
    else {
      this.#quotes ??= await quotesIn(path, every_s * 1000);
      const quotes = this.#quotes;
      const from_ms = Date.parse(`${days[0]?.day ?? ""}T00:00:00Z`);
      await backfill({ ...shared, from_ms, to_ms: now, quotesFor: async () => quotes });
    }
  }

  /** Every other exit of a leg is told as such, all else as a broker's fill. */
  async #tell({ strategy_id, trade }: Entry): Promise<void> {
    const { at, instrument, side, quantity, price, cost_method, settles } = trade;
    this.#now = at;
    if (settles !== undefined) {
      const { settled } = await this.#api.settle({ account_id: this.#account_id, closes: { [settles.underlying]: settles.figure } });
      expect(settled.map((leg) => [leg.instrument, leg.quantity, leg.exit_price])).toContainEqual([instrument, quantity, Number(price)]);
      return;
    }
    const held = (await this.#api.strategies.legs.list({ strategy_id })).find(
      (leg) => leg.closed_at === null && leg.instrument === instrument && leg.direction !== side,
    );
    const exit_price = Number(price);
    if (held !== undefined && held.quantity >= quantity && (this.#leg_closes += 1) % 2 === 0)
      await this.#api.strategies.legs.close({ strategy_id, instrument_id: held.id, quantity, exit_price, cost_method });
    else {
      const key = { strategy_id, tradingsymbol: instrument, at: new Date(at).toISOString() };
      await this.#api.strategies.fills.add({ ...key, side, quantity, price: exit_price, cost_method });
    }
  }
}

async function quotesIn(file: string, every_ms: number): Promise<RecordedQuote[]> {
  const quotes: RecordedQuote[] = [];
  for await (const quote of await openRecording(file, { every_ms })) quotes.push(quote);
  return quotes;
}

/** What is compared as it is: not ratios. */
function figuresOf(day: object, expected: ExpectedDay | undefined): object {
  return Object.fromEntries(Object.entries(day).filter(([field]) => field in (expected?.figures ?? {})));
}
