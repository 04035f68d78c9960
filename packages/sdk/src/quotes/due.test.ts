import { expect, test } from "vitest";
import { ref } from "../../../../test/support/read.ts";
import { Due } from "./due.ts";

test("where less than one a pass may be asked about, each gets its turn all the same", () => {
  const due = new Due();
  const wanted = [0, 1, 2, 3, 4];
  due.follow(wanted.map((number) => ref(`NFO:T${number}`)));
  const taken = Array.from({ length: 18 }, (_, pass) => due.take(wanted, pass * 1_000, pass % 3 === 0 ? 1 : 0));
  expect(taken.flat()).toEqual([0, 1, 2, 3, 4, 0]);
});
