import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** What survives each collection makes V8 grow the young generation; its size in MB then. */
const SURVIVORS = `
  const kept = [];
  for (let n = 0; n < 3_000_000; n += 1) kept.push({ n });
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  console.log(Math.round(space.space_size / 1e6), kept.length);
`;

test("the young generation stays as small as it was, where V8 would have made it many times as large", () => {
  const held = sizeAfter(`holdYoungGeneration(); ${SURVIVORS}`);
  const grown = sizeAfter(SURVIVORS);
  expect(grown).toBeGreaterThan(4 * held);
});

function sizeAfter(script: string): number {
  const source = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { holdYoungGeneration } from ${JSON.stringify(new URL("young-generation.ts", import.meta.url).href)};
    void holdYoungGeneration; ${script}`;
  return Number.parseInt(execFileSync(process.execPath, ["--input-type=module", "--eval", source], { encoding: "utf8" }), 10);
}
