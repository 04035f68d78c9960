import { expect, test } from "vitest";
import { UnwrittenGaps } from "./unwritten-gaps.ts";

const at = (minute: number): number => minute * 60_000;
const rows = ({ batch }: ReturnType<UnwrittenGaps["take"]>): unknown[] =>
  batch.reason.map((reason, row) => [batch.strategy_id[row], (batch.from_ms[row] ?? 0) / 60_000, (batch.to_ms[row] ?? 0) / 60_000, reason]);
const of = (...gaps: readonly [number, string][]): { strategy_id: number; reason: string }[] =>
  gaps.map(([strategy_id, reason]) => ({ strategy_id, reason }));

test("minutes on end for one reason are one span; another reason, or a minute between, begins another", () => {
  const gaps = new UnwrittenGaps();
  gaps.add(at(1), of([7, "a"], [8, "a"]));
  gaps.add(at(2), of([7, "a"]));
  gaps.add(at(3), of([7, "b"], [8, "a"]));
  expect(rows(gaps.take())).toEqual([
    [7, 1, 2, "a"],
    [8, 1, 1, "a"],
    [7, 3, 3, "b"],
    [8, 3, 3, "a"],
  ]);
});

test("what was not confirmed is told again with what came since, and what was is not", () => {
  const gaps = new UnwrittenGaps();
  gaps.add(at(1), of([7, "a"]));
  gaps.take();
  gaps.add(at(2), of([7, "a"]));
  const again = gaps.take();
  expect(rows(again)).toEqual([
    [7, 1, 1, "a"],
    [7, 2, 2, "a"],
  ]);
  gaps.add(at(3), of([7, "a"]));
  again.confirm();
  expect(rows(gaps.take())).toEqual([[7, 3, 3, "a"]]);
});

test("hundreds of thousands wait, and none is lost", () => {
  const gaps = new UnwrittenGaps();
  gaps.add(
    at(1),
    Array.from({ length: 300_000 }, (_, strategy_id) => ({ strategy_id, reason: "a" })),
  );
  expect(gaps.take().batch.length).toBe(300_000);
});
