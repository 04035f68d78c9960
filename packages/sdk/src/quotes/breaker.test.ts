import { expect, test } from "vitest";
import { Breaker } from "./breaker.ts";

test("three slow failures in a row open it, for 1, 2, 4, 5, 5 s, and one that is not slow closes it", () => {
  const breaker = new Breaker(() => 0);
  let now_ms = 0;
  breaker.slow(now_ms);
  breaker.slow(now_ms);
  breaker.quick();
  breaker.slow(now_ms);
  breaker.slow(now_ms);
  expect(breaker.isOpen(now_ms)).toBe(false);
  const waits: number[] = [];
  for (let again = 0; again < 5; again += 1) {
    breaker.slow(now_ms);
    const from_ms = now_ms;
    while (breaker.isOpen(now_ms)) now_ms += 100;
    waits.push(now_ms - from_ms);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  breaker.quick();
  breaker.slow(now_ms);
  expect(breaker.isOpen(now_ms)).toBe(false);
});

test("the waits differ by a quarter", () => {
  const breaker = new Breaker(() => 0.8);
  for (let again = 0; again < 3; again += 1) breaker.slow(0);
  expect([breaker.isOpen(1_199), breaker.isOpen(1_200)]).toEqual([true, false]);
});
