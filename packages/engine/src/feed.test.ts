import { builtinCalendar, isoOf, QuoteBoard, type StreamGap, type StreamOptions } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
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
  const feed = new LiveFeed(() => book);
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
  return { feed, gaps, to, read };
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

test("a channel is left a minute after its last reader; another strategy and an account are not held", async () => {
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
});
