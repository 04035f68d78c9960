import { expect, test } from "vitest";
import { lossOf } from "./daemon-reload.ts";

test("a configuration is not read again while that would lose candles", () => {
  const away = "database does not answer: db:5432";
  expect(lossOf({ lost_count: 3, write_failure: away })).toMatch(/^3 candles wait in memory alone \(database does not answer: db:5432\)/);
  expect(lossOf({ lost_count: 1, write_failure: away })).toMatch(/^1 candle waits/);
  expect(lossOf({ lost_count: 0, write_failure: away })).toBeNull(); // on disk
  expect(lossOf({ lost_count: 3, write_failure: null })).toBeNull(); // under way
});
