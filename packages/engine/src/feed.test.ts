import { builtinCalendar, isoOf, QuoteBoard, type StreamGap, type StreamOptions } from "@stratctl/sdk/internal";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
import type { Book } from "./book.ts";
import { LiveFeed } from "./feed.ts";
import { Sampler } from "./sample.ts";

const OPEN_MS = Date.parse("2026-11-25T04:00:00Z");
const at = (second: number): string => isoOf(OPEN_MS + second * 1000);

/** A strategy whose m2m at each second is that second less than −100. */
function world() {
  const leg = { instrument: "NFO:NIFTY26DECFUT", direction: "BUY", quantity: 1, entry_units: 1_000_000 } as const;
  const book = testBook([{ strategy_id: 7, legs: [leg] }]);
  const board = new QuoteBoard(book.instruments);
  const sampler = new Sampler({ calendar: builtinCalendar(), board, stale_ms_max: 60_000, carry_after_ms: 60_000, source: "live" });
  let shown: Book = book;
  const feed = new LiveFeed(() => shown);
  const leave = (): void => void (shown = testBook([]));
  const comeBack = (): void => void (shown = book);
  const gaps: StreamGap[] = [];
  const to = (from: number, last: number): void => {
    for (let second = from; second <= last; second += 1) {
      const at_ms = OPEN_MS + second * 1000;
      if (sampler.minute_ms !== null && at_ms >= sampler.minute_ms + 60_000) sampler.finish({ with_marks: false });
      if (sampler.minute_ms === null) sampler.start(book, at_ms - (at_ms % 60_000));
      board.accept(0, (100 + second) * 10_000, at_ms, at_ms, "test");
      sampler.sample(at_ms);
      feed.sweep(at_ms);
      feed.publish(sampler, at_ms);
    }
  };
  const read = (options: StreamOptions = {}) => feed.strategy(7, { onGap: (gap) => gaps.push(gap), ...options })?.[Symbol.asyncIterator]();
  return { feed, gaps, to, read, leave, comeBack };
}

test("a mark a sample from when somebody listens, exact; after a cut it goes on right after the last one", async () => {
  const { gaps, to, read, feed } = world();
  to(0, 4);
  expect(feed.channel_count).toBe(0);
  const reader = read();
  const first = reader?.next();
  to(5, 6);
  expect((await first)?.value).toMatchObject({
    at: at(5),
    m2m: -105,
    pnl: 5,
    unrealized_pnl: 5,
    entry_value: -100,
    age_ms: 0,
    reason: null,
  });
  await reader?.return?.();
  to(7, 20);
  const again = read({ after: at(5) });
  for (let second = 6; second <= 20; second += 1)
    expect((await again?.next())?.value).toMatchObject({ at: at(second), m2m: -100 - second });
  expect(gaps).toEqual([]);
});

test("readers that follow together are told the same mark, made once", async () => {
  const { to, read } = world();
  to(0, 1);
  const [one, two] = [read(), read()];
  const firsts = [one?.next(), two?.next()];
  to(2, 2);
  const [first, second] = await Promise.all(firsts.map(async (told) => told));
  expect(first?.value).toMatchObject({ at: at(2) });
  expect(second?.value).toBe(first?.value);
});

test("what is not held any more is told as a gap, to who comes late and to who is slow", async () => {
  const { gaps, to, read } = world();
  to(0, 4);
  const slow = read({ after: at(4) });
  const first = slow?.next();
  to(5, 100);
  expect((await first)?.value).toMatchObject({ at: at(41) });
  expect(gaps.splice(0)).toEqual([{ from: at(4), to: at(41) }]);
  const late = read({ after: at(2) });
  expect((await late?.next())?.value).toMatchObject({ at: at(41) });
  expect(gaps).toEqual([{ from: at(2), to: at(41) }]);
});

test("a channel is left a minute after its last reader, with samples or without, and another strategy is not held", async () => {
  const { feed, to, read } = world();
  to(0, 1);
  const stop = new AbortController();
  const waiting = read({ signal: stop.signal })?.next();
  stop.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
  to(2, 61);
  expect(feed.channel_count).toBe(1);
  to(62, 63);
  expect(feed.channel_count).toBe(0);
  expect(feed.strategy(8, {})).toBe(null);
  const again = read();
  const next = again?.next();
  to(64, 64);
  await next;
  await again?.return?.();
  feed.sweep(OPEN_MS + 125_000);
  expect(feed.channel_count).toBe(0);
});

test("a law: however often a reader is cut off, each mark is told once, in order, but for those that a gap names", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ apart: fc.nat(90), read: fc.nat(40) }), { minLength: 1, maxLength: 8 }), async (turns) => {
      const { gaps, to, read } = world();
      let now = 0;
      to(0, 0);
      const told: number[] = [];
      for (const { apart, read: count } of turns) {
        const last = told.at(-1);
        if (apart > 0) to(now + 1, (now += apart));
        const reader = read(last === undefined ? {} : { after: at(last) });
        for (let n = 0; n < count; n += 1) {
          const next = reader?.next();
          // Where nothing is held that is newer, the next sample is waited for.
          await Promise.resolve();
          to(now + 1, (now += 1));
          const { value } = (await next) ?? {};
          told.push((Date.parse(value?.at ?? "") - OPEN_MS) / 1000);
        }
        await reader?.return?.();
      }
      for (const [n, second] of told.entries()) {
        const before = told[n - 1];
        if (before === undefined || second === before + 1) continue;
        expect(second).toBeGreaterThan(before);
        expect(gaps).toContainEqual({ from: at(before), to: at(second) });
      }
      for (const { from, to: end } of gaps) expect(told.map(at)).toEqual(expect.arrayContaining([from, end]));
    }),
    { numRuns: 60 },
  );
});

test("a strategy that is back in the book is told again, to who comes at once and to who comes late; a group is as it is now", async () => {
  const { feed, to, read, leave, comeBack } = world();
  to(0, 1);
  const first = read();
  const told = first?.next();
  to(2, 2);
  await told;
  leave();
  to(3, 3);
  expect((await first?.next())?.done).toBe(false); // the minute under way still has it
  expect((await first?.next())?.done).toBe(true);
  comeBack();
  const again = read()?.next();
  to(4, 4);
  expect((await again)?.value).toMatchObject({ at: at(4) });
  const members: number[] = [7, 8];
  const group = async () => (await feed.group("A1", () => Promise.resolve([...members]), {}))?.[Symbol.asyncIterator]();
  const one = (await group())?.next();
  to(5, 5);
  expect((await one)?.value).toHaveLength(1);
  members.pop();
  expect(await feed.group("B2", () => Promise.resolve([8]), {})).toBe(null);
});
