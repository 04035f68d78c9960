import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TestClock } from "../../../test/support/clock.ts";
import { boundaries, systemClock, type Boundary } from "./clock.ts";

const EVERY_5_S = { interval_ms: 5000, late_ms_max: 500 };
const clockText = (at_ms: number): string => new Date(at_ms).toISOString().slice(11, 23).replace(".000", "");

/** Runs the loop with `body` as the pass and tells the diary: `05:00:05`, or `05:00:15 (skipped 2)`. */
async function diary(
  clock: TestClock,
  { count, timing = EVERY_5_S, body = () => undefined }: { count: number; timing?: typeof EVERY_5_S; body?: (at: Boundary) => void },
): Promise<string[]> {
  const stop = new AbortController();
  const lines: string[] = [];
  for await (const boundary of boundaries(clock, timing, stop.signal)) {
    lines.push(clockText(boundary.at_ms) + (boundary.skipped_count > 0 ? ` (skipped ${boundary.skipped_count})` : ""));
    body(boundary);
    if (lines.length === count) stop.abort();
  }
  return lines;
}

test("boundaries come on time, the first is not before now", async () => {
  expect(await diary(new TestClock("2026-11-25T05:00:02Z"), { count: 3 })).toEqual(["05:00:05", "05:00:10", "05:00:15"]);
  expect(await diary(new TestClock("2026-11-25T05:00:05Z"), { count: 2 })).toEqual(["05:00:05", "05:00:10"]);
});

test("woken early: it waits for the rest, and uses each boundary once", async () => {
  const clock = new TestClock("2026-11-25T05:00:02Z");
  clock.wakes_late_ms = (ms) => (ms > 1 ? -1 : 0);
  const nows: string[] = [];
  expect(await diary(clock, { count: 3, body: () => nows.push(clockText(clock.now())) })).toEqual(["05:00:05", "05:00:10", "05:00:15"]);
  expect(nows).toEqual(["05:00:05", "05:00:10", "05:00:15"]);
});

test("a little late is on time, and the next boundary is not moved by it", async () => {
  const clock = new TestClock("2026-11-25T05:00:02Z");
  clock.wakes_late_ms = () => 400;
  const late: number[] = [];
  const lines = await diary(clock, { count: 3, body: ({ late_ms }) => late.push(late_ms) });
  expect(lines).toEqual(["05:00:05", "05:00:10", "05:00:15"]);
  expect(late).toEqual([400, 400, 400]);
});

test("late by one: that boundary is skipped and counted", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  const lines = await diary(clock, { count: 4, body: ({ at_ms }) => clock.pass(clockText(at_ms) === "05:00:05" ? 5600 : 100) });
  expect(lines).toEqual(["05:00:00", "05:00:05", "05:00:15 (skipped 1)", "05:00:20"]);
});

test("a-pass-longer-than-its-interval", async () => {
  const clock = new TestClock("2026-11-25T05:20:00Z");
  const lines = await diary(clock, { count: 5, body: () => clock.pass(12_000) });
  // One pass at a time, on boundaries: done at :12, the next is :15. Twelve boundaries a minute, four used, eight skipped.
  expect(lines).toEqual(["05:20:00", "05:20:15 (skipped 2)", "05:20:30 (skipped 2)", "05:20:45 (skipped 2)", "05:21:00 (skipped 2)"]);
});

test("asleep-for-ten-minutes", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  let asleep = false;
  clock.onSleep = () => {
    if (!asleep) clock.pass(597_000); // suspended with 5 s still to sleep: wakes at 05:10:02
    asleep = true;
  };
  expect(await diary(clock, { count: 5 })).toEqual(["05:00:00", "05:10:05 (skipped 120)", "05:10:10", "05:10:15", "05:10:20"]);
});

test("set back an hour: sampling goes on at once", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  const before = clock.monotonic();
  const lines = await diary(clock, { count: 4, body: ({ at_ms }) => clockText(at_ms) === "05:00:05" && clock.set("2026-11-25T04:00:07Z") });
  expect(lines).toEqual(["05:00:00", "05:00:05", "04:00:10", "04:00:15"]);
  expect(clock.monotonic() - before).toBeLessThan(20_000);
});

test("set back while it sleeps: noticed at the next waking", async () => {
  const clock = new TestClock("2026-11-25T05:00:01Z");
  let slept = false;
  clock.onSleep = () => {
    if (!slept) clock.set("2026-11-25T04:00:01Z");
    slept = true;
  };
  expect(await diary(clock, { count: 2 })).toEqual(["04:00:05", "04:00:10"]);
});

test("set back by seconds: a boundary that lies ahead again is used again", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  const setBackOnce = ({ at_ms }: Boundary): void => {
    if (clockText(at_ms) === "05:00:05" && clock.monotonic() < 6500) clock.set("2026-11-25T05:00:03Z");
  };
  expect(await diary(clock, { count: 4, body: setBackOnce })).toEqual(["05:00:00", "05:00:05", "05:00:05", "05:00:10"]);
});

test("set forward an hour: what lies between is skipped and counted, never caught up", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  const lines = await diary(clock, { count: 3, body: ({ at_ms }) => clockText(at_ms) === "05:00:00" && clock.set("2026-11-25T06:00:02Z") });
  expect(lines).toEqual(["05:00:00", "06:00:05 (skipped 720)", "06:00:10"]);
});

/** What may become of time between two looks at it. */
const fault = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 900 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 30_000 }) }) },
  // set by somebody, by up to nine hours either way
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -32_400_000, max: 32_400_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: -3000, max: 3000 }) }) },
  // suspended: the monotonic clock stands meanwhile, or goes on
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("set" as const), ms: fc.integer({ min: 0, max: 32_400_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 32_400_000 }) }) },
);

test("whatever happens to time: on boundaries, never late, all that goes by is counted, and a jump back costs an interval at most", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: -200, max: 400 }), { minLength: 1, maxLength: 20 }),
      fc.constantFrom(1000, 5000),
      async (faults, lates, interval_ms) => {
        const clock = new TestClock("2026-11-25T05:00:00.123Z");
        let wakings = 0;
        // Early by half at most, or no time would pass at all.
        clock.wakes_late_ms = (ms) => Math.max(lates[wakings++ % lates.length] ?? 0, Math.ceil(-ms / 2));
        const stop = new AbortController();
        let place = 0;
        let asleep_ms = 0;
        clock.onSleep = () => {
          clock.pass(asleep_ms); // beyond what was to be slept
          asleep_ms = 0;
        };
        let last: { at_ms: number; monotonic_ms: number; wall_back_ms: number; long_ms: number } | null = null;
        for await (const { at_ms, late_ms, skipped_count, moved_ms } of boundaries(
          clock,
          { interval_ms, late_ms_max: interval_ms / 2 },
          stop.signal,
        )) {
          expect(at_ms % interval_ms).toBe(0);
          expect(late_ms).toBe(clock.now() - at_ms);
          expect(late_ms >= 0 && late_ms <= interval_ms / 2).toBe(true);
          if (last !== null) {
            expect(moved_ms).toBe(last.wall_back_ms);
            // Without a step back every boundary is used or counted, once.
            if (moved_ms >= 0) expect(at_ms - last.at_ms).toBe((skipped_count + 1) * interval_ms);
            // However far back: at once, not after the time that was gone back.
            const waited_ms = clock.monotonic() - last.monotonic_ms - last.long_ms;
            expect(waited_ms).toBeLessThanOrEqual(3 * interval_ms + 400);
          }
          const given = faults[place++];
          if (given === undefined) stop.abort();
          else if (given.kind === "pass") clock.pass(given.ms);
          else if (given.kind === "set") clock.set(clock.now() + given.ms);
          else asleep_ms = given.ms;
          const wall_back_ms = given?.kind === "set" ? given.ms : 0;
          const long_ms = given === undefined || given.kind === "set" ? 0 : given.ms;
          last = { at_ms, monotonic_ms: clock.monotonic() - (given?.kind === "pass" ? given.ms : 0), wall_back_ms, long_ms };
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("a whole day by the second, with the wall clock corrected by 200 ppm all the while: each second once", async () => {
  const clock = new TestClock("2026-11-25T00:00:00Z");
  const random = seeded(7);
  clock.wakes_late_ms = () => Math.floor(random() * 16);
  const stop = new AbortController();
  let due_ms = clock.now();
  let count = 0;
  for await (const { at_ms, late_ms, skipped_count, moved_ms } of boundaries(clock, { interval_ms: 1000, late_ms_max: 500 }, stop.signal)) {
    if (at_ms !== due_ms || skipped_count !== 0 || late_ms > 20 || Math.abs(moved_ms) > 1)
      throw new Error(`${clockText(at_ms)} for ${clockText(due_ms)}, ${late_ms} ms late, ${skipped_count} skipped`);
    due_ms += 1000;
    count += 1;
    if (count === 86_400) stop.abort();
    if (count % 5 === 0) clock.set(clock.now() + 1);
    clock.pass(Math.floor(random() * 700));
  }
  expect(clockText(due_ms)).toBe("00:00:00");
});

test("aborted: before the first, during a sleep, during a pass", async () => {
  const drained = async (clock: TestClock, signal: AbortSignal, onEach: () => void): Promise<number> => {
    let count = 0;
    for await (const _ of boundaries(clock, EVERY_5_S, signal)) {
      count += 1;
      onEach();
    }
    return count;
  };
  expect(await drained(new TestClock(0), AbortSignal.abort(), () => undefined)).toBe(0);

  const asleep = new AbortController();
  const clock = new TestClock(1);
  clock.onSleep = () => asleep.abort();
  expect(await drained(clock, asleep.signal, () => undefined)).toBe(0);

  const busy = new AbortController();
  expect(await drained(new TestClock(0), busy.signal, () => busy.abort())).toBe(1);
});

test("a pass that throws costs no boundary to the next loop", async () => {
  const clock = new TestClock("2026-11-25T05:00:00Z");
  await expect(
    diary(clock, {
      count: 2,
      body: () => {
        throw new Error("a fault in a pass");
      },
    }),
  ).rejects.toThrow("a fault in a pass");
  expect(await diary(clock, { count: 2 })).toEqual(["05:00:00", "05:00:05"]);
});

test("a-whole-session-without-drift", async () => {
  const clock = new TestClock("2026-11-25T03:45:00Z");
  const random = seeded(20_261_125);
  clock.wakes_late_ms = () => Math.floor(random() * 16);
  const minutes = new Map<number, number>();
  let latest_ms = 0;
  const lines = await diary(clock, {
    count: 385 * 12,
    body({ at_ms, late_ms }) {
      latest_ms = Math.max(latest_ms, late_ms);
      minutes.set(Math.floor(at_ms / 60_000), (minutes.get(Math.floor(at_ms / 60_000)) ?? 0) + 1);
      clock.pass(1700 + Math.floor(random() * 41));
    },
  });
  expect(lines.at(-1)).toBe("10:09:55");
  expect(minutes.size).toBe(385);
  expect(new Set(minutes.values())).toEqual(new Set([12]));
  expect(latest_ms).toBeLessThanOrEqual(20);
});

test("the system's clock sleeps, and wakes when aborted", async () => {
  const began = systemClock.monotonic();
  await systemClock.sleep(5, new AbortController().signal);
  expect(systemClock.monotonic() - began).toBeGreaterThan(3);
  const stop = new AbortController();
  const sleep = systemClock.sleep(60_000, stop.signal);
  stop.abort();
  await sleep;
  await systemClock.sleep(60_000, AbortSignal.abort());
  expect(systemClock.monotonic() - began).toBeLessThan(30_000);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
});

/** mulberry32: the same numbers each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
