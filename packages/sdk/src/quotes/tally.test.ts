import { expect, test } from "vitest";
import { ref } from "../../../../test/support/read.ts";
import { QuoteBoard } from "./board.ts";
import { Fallback } from "./fallback.ts";
import type { InstrumentRef, QuoteSink, QuoteSource, SourceClock } from "./source.ts";

const T = Date.parse("2026-11-25T04:00:00Z");
const NAMES = ["NFO:A", "NFO:B", "NFO:C", "NFO:D"];

class HandClock implements SourceClock {
  ms = 0;
  now = (): number => T + this.ms;
  monotonic = (): number => this.ms;
}

type Telling = (instruments: readonly InstrumentRef[], sink: QuoteSink) => void;

function source(name: string, tell: Telling, { pays }: { pays: boolean }): QuoteSource {
  const read = async (instruments: readonly InstrumentRef[], sink: QuoteSink): Promise<void> => tell(instruments, sink);
  const made = { name, read, close: async () => undefined };
  return pays ? { ...made, allowance: () => ({ instrument_count: 100, why: null }) } : made;
}

test("of each instrument and of each source: hits, stale ones, misses, refusals by why, and how long it took", async () => {
  const clock = new HandClock();
  const redis = source(
    "redis",
    (_, sink) => {
      clock.ms += 4;
      sink.quote(0, 1, T);
      sink.quote(1, 2, T - 61_000);
      sink.refused(2, "999999 stands for no price", "placeholder");
      sink.absent(3, "no key");
    },
    { pays: false },
  );
  const ticker = source(
    "ticker",
    (asked, sink) =>
      asked.forEach(({ instrument }, place) => {
        clock.ms += 10;
        if (instrument === "NFO:C") sink.quote(place, 3, T);
        else if (instrument === "NFO:D") sink.quote(place, 4, T + 60_000);
        else sink.absent(place, "404");
      }),
    { pays: true },
  );
  const board = new QuoteBoard(NAMES.map((name) => ref(name)));
  const prices = new Fallback({ sources: [redis, ticker], clock });
  await prices.refresh(board, clock.now(), clock.monotonic());
  expect(board.bySource()).toEqual([
    {
      name: "redis",
      hit: 1,
      stale: 1,
      miss: 1,
      refused: { not_a_price: 0, placeholder: 1, mock: 0, ahead: 0, jump: 0 },
      latency_ms: 4,
      latency_ms_max: 4,
    },
    {
      name: "ticker",
      hit: 1,
      stale: 0,
      miss: 1,
      refused: { not_a_price: 0, placeholder: 0, mock: 0, ahead: 1, jump: 0 },
      latency_ms: 30,
      latency_ms_max: 30,
    },
  ]);
  expect(board.quotesOf(0)[0]).toEqual({ source: "redis", hit: 1, stale: 0, miss: 0, refused: 0, latency_ms: 4, why: null });
  expect(board.quotesOf(2)).toEqual([
    { source: "redis", hit: 0, stale: 0, miss: 0, refused: 1, latency_ms: null, why: "999999 stands for no price" },
    { source: "ticker", hit: 1, stale: 0, miss: 0, refused: 0, latency_ms: 20, why: null },
  ]);
  expect(board.quotesOf(3).map(({ miss, refused, why }) => [miss, refused, why])).toEqual([
    [1, 0, "no key"],
    [0, 1, "its time is 60.0 s ahead of this machine's clock"],
  ]);
});

test("why it gave none is over with its next price", () => {
  const board = new QuoteBoard([ref("NFO:A")]);
  board.begin(["redis"], T);
  board.note(0, "redis", "no key");
  expect(board.quotesOf(0)[0]?.why).toBe("no key");
  board.accept(0, 5, T, T, "redis");
  expect(board.quotesOf(0)[0]?.why).toBeNull();
  board.refuse(0, "redis", "soon");
  expect(board.quotesOf(0)[0]?.why).toBe("soon");
});

test("a source that went away is missing what it had not told", async () => {
  const clock = new HandClock();
  const redis: QuoteSource = {
    name: "redis",
    read: async (_, sink) => {
      sink.quote(1, 2, T);
      throw new Error("cut");
    },
    close: async () => undefined,
  };
  const board = new QuoteBoard(NAMES.map((name) => ref(name)));
  const prices = new Fallback({ sources: [redis], clock });
  for (let pass = 0; pass < 3; pass += 1) await prices.refresh(board, clock.now(), clock.monotonic());
  expect(board.bySource()[0]).toMatchObject({ hit: 3, miss: 9 });
  expect([0, 1].map((index) => board.quotesOf(index)[0])).toMatchObject([
    { hit: 0, miss: 3, why: "cut" },
    { hit: 3, miss: 0 },
  ]);
});

test("a new book keeps what was counted of those that stay, and of the source all of it", async () => {
  const board = new QuoteBoard(NAMES.map((name) => ref(name)));
  board.begin(["redis"], T);
  board.accept(1, 5, T, T, "redis");
  board.note(0, "redis", "no key");
  board.rebook(["NFO:B", "NFO:X"].map((name) => ref(name)));
  expect(board.quotesOf(0)[0]).toMatchObject({ hit: 1, miss: 0 });
  expect(board.quotesOf(1)[0]).toMatchObject({ hit: 0, miss: 0, why: null });
  expect(board.bySource()[0]).toMatchObject({ hit: 1, miss: 1 });
});
