import { afterAll, describe, expect, test } from "vitest";
import { roundsOf, type Round } from "../bench/pass.ts";
import { spreadOf } from "../bench/measure.ts";
import { Servers } from "../bench/servers.ts";
import type { Shape } from "../bench/engine.ts";
import { debianMissing } from "./support/postgres.ts";
import { redisMissing } from "./support/redis.ts";

/**
 * The bench, small: ratios with wide margins and no times, since nobody knows the machine. What it holds is the shape of a pass:
 * that its reads and writes are a few for all strategies, and not some for each.
 */
const missing = debianMissing ?? redisMissing;
const servers = new Servers({ settings: ["fsync=off", "full_page_writes=off"] });
afterAll(() => servers[Symbol.asyncDispose]());

const STRATEGIES = 400;

async function rounds(runs: number, shape: Shape = {}): Promise<readonly Round[]> {
  return roundsOf(servers, STRATEGIES, { strategies: [STRATEGIES], runs, old_sizes: [20, 40, 80], shape });
}

/** The laws that a pass of that shape breaks, with what was measured. */
function broken(all: readonly Round[]): string[] {
  const laws: readonly (readonly [law: string, ratio: (round: Round) => number, max: number])[] = [
    ["a pass takes a tenth of the old loop's time", ({ new_minute, old }) => new_minute.total / old, 1 / 10],
    ["a sample takes twenty times its MGET", ({ sample, mget }) => sample / mget, 20],
    ["a new minute takes six times its COPY", ({ new_minute, copy }) => new_minute.write / copy, 6],
    ["a merge takes six times its COPY", ({ merge, copy }) => merge.write / copy, 6],
  ];
  return laws.flatMap(([law, ratio, max]) => {
    const { median } = spreadOf(all.map(ratio));
    return median <= max ? [] : [`${law} at most: ${median.toFixed(3)}`];
  });
}

describe.skipIf(missing !== null)("a minute's pass", () => {
  test("costs a fraction of the loop it replaces, and a few times what it must", async () => {
    expect(broken(await rounds(2))).toEqual([]);
  });

  test("that asks for a key at a time is noticed", async () => {
    expect(broken(await rounds(1, { one_by_one: "reads" }))).toContainEqual(expect.stringMatching(/^a sample/));
  });

  test("that writes a row at a time is noticed", async () => {
    expect(broken(await rounds(1, { one_by_one: "writes" }))).not.toEqual([]);
  });
});
