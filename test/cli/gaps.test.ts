import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { root } from "../support/source.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";
import { scriptOf, stepsOf } from "./script.ts";
import { openShell, type Shell } from "./shell.ts";

/** The terminal of docs/gaps.md, run; and bars that the ticker service has. */

const [CALL, PUT] = ["NFO:NIFTY2580724600PE", "NFO:NIFTY2580724400PE"];
const OPEN_MS = Date.parse("2025-07-31T03:45:00Z");

let shell: Shell;
beforeAll(async () => {
  shell = await openShell();
  await shell.run("stratctl account add XJ4540");
  await shell.run("stratctl strategy create Condor");
  await shell.run(`stratctl leg add condor BUY 75 ${PUT} --price 64.95 --lot-size 75`);
  await shell.run(`stratctl leg add condor SELL 75 ${CALL} --price 111.95 --lot-size 75`);
  await dated("2025-07-30T10:00:00Z");
  const rows = [0, 1, 2, 10].flatMap((minute) => {
    const start = new Date(OPEN_MS + minute * 60_000).toISOString().replace(".000", "");
    const put = `${start},${PUT},${64.95 + minute},${66.1 + minute},${63.8 + minute},${65.2 + minute}`;
    return minute === 1 ? [put] : [put, `${start},${CALL},${111.95 - minute},${112.4 - minute},${110.1 - minute},${111.5 - minute}`];
  });
  await writeFile(path.join(shell.folder, "bars.csv"), ["timestamp,instrument,open,high,low,close", ...rows, ""].join("\n"));
});
afterAll(() => shell?.[Symbol.asyncDispose]());

/** When the legs were added: only a test can say so. */
async function dated(added_at: string): Promise<void> {
  const db = await openPool(shell.env["DATABASE_URL"] ?? "");
  await db.run("test.dated", "update strategy_instruments set added_at = $1, instrument_token = 100 + id", [added_at]);
  await db.close();
}

const page = path.join(root, "docs", "gaps.md");

test("each command of docs/gaps.md prints what the page says", async () => {
  const text = readFileSync(page, "utf8");
  let again = text;
  for (const [, block = ""] of text.matchAll(/^```console\n([\s\S]*?)^```$/gm))
    again = again.replace(block, await scriptOf(stepsOf(block), (line) => shell.run(line)));
  await expect(again).toMatchFileSnapshot(page);
});

describe("the ticker service's history", () => {
  let ticker: Ticker;
  beforeAll(async () => {
    ticker = await startTicker();
    // The second leg's token it does not know.
    ticker.fault = (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://ticker");
      asked.push(`${pathname} ${[...searchParams].map((pair) => pair.join("=")).join(" ")}`);
      const isKnown = searchParams.get("instrument_token") === "101";
      response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify({ candles: [{ date: "2025-07-31T15:29:00+0530", open: 80, high: 90, low: 70, close: "81.5" }] }));
    };
  });
  afterAll(() => ticker?.[Symbol.asyncDispose]());
  const asked: string[] = [];

  test("fills what its bars tell; what it does not know is named and costs no other", async () => {
    await shell.run("stratctl strategy create Put");
    await shell.run(`stratctl leg add put BUY 75 ${PUT} --price 64.95 --lot-size 75`);
    const db = await openPool(shell.env["DATABASE_URL"] ?? "");
    await db.run(
      "test.token",
      "update strategy_instruments set added_at = '2025-07-31T09:00:00Z', instrument_token = 101 where strategy_id = 3",
      [],
    );
    await db.close();
    const { stdout, stderr, exit } = await shell.run(
      `TICKER_URL=${ticker.url} STRATCTL_TICKER_URL=${ticker.url} stratctl backfill --all --from 2025-07-31T15:28 --to 2025-07-31T15:40 --overwrite`,
    );
    expect({ stdout, exit }).toEqual({ stdout: "2\tCondor\t0\t0\t2\n3\tPut\t1\t0\t1\n", exit: 0 });
    expect(stderr).toContain(`no bars of ${CALL}: 404: the ticker does not know its token`);
    expect(stderr).toContain(`still missing 31 Jul 2025 15:28 (no recorded price of that time)`);
    expect(stderr).toContain(`(no price for ${CALL} (recording: no quote yet))`);
    expect(asked.toSorted()).toEqual([
      "/history instrument_token=101 from_ts=1753933500 to_ts=1753956000 interval=minute",
      "/history instrument_token=102 from_ts=1753933500 to_ts=1753956000 interval=minute",
    ]);
    const { stdout: minute } = await shell.run("stratctl m2m put --from 2025-07-31T15:29 --to 2025-07-31T15:29 --json");
    expect(JSON.parse(minute)).toMatchObject([{ open: -6000, close: -6112.5, source: "backfill", sample_count: 60 }]);
  });

  test.each([
    ["stratctl backfill condor --all", /give strategies, or --all/],
    ["stratctl backfill condor --from 15:30 --to 09:15", /--from 15:30 lies after --to 09:15/],
    ["stratctl backfill condor --day 2025-07-31 --bars nothing.csv", /cannot read nothing\.csv \(no such file\)/],
  ])("%s is refused in a line", async (line, message) => {
    const { stdout, stderr, exit } = await shell.run(line);
    expect({ stdout, failed: exit > 0 }).toEqual({ stdout: "", failed: true });
    expect(stderr).toMatch(message);
  });
});
