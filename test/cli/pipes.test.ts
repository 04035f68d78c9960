import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openShell, type Shell } from "./shell.ts";

/** How the binary behaves between other programs: readers that stop early, and inputs where nobody answers. */

const ROWS = 20_000;
let shell: Shell;

beforeAll(async () => {
  shell = await openShell();
  expect((await shell.run("stratctl account add XJ4540 && stratctl strategy create S")).exit).toBe(0);
  await fill(shell.env["DATABASE_URL"] ?? "");
});
afterAll(async () => shell[Symbol.asyncDispose]());

describe("head-closes-the-pipe", () => {
  test.each([
    ["stratctl m2m S --from 2025-07-01 --to 2025-07-31 --csv", "head -1"],
    ["stratctl m2m S --from 2025-07-01 --to 2025-07-31 --json", "head -c 10"],
    ["stratctl strategy list --json", "head -c 10"],
    ["stratctl strategy list", "head -1"],
    ["stratctl --help", "head -1"],
    ["stratctl strategy list", "true"],
  ])("%s | %s", async (command, reader) => {
    const { stderr, stdout, exit } = await shell.run(`${command} | ${reader}; exit \${PIPESTATUS[0]}`);
    expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
    expect(stdout.length).toBeLessThan(500);
  });

  test("all rows come where the reader wants them", async () => {
    const { stdout } = await shell.run("stratctl m2m S --from 2025-07-01 --to 2025-07-31 --csv | wc -l");
    expect(stdout.trim()).toBe(String(ROWS + 1));
  });
});

describe("no-terminal-no-question", () => {
  const inputs = [
    { input: "a pipe that never closes", from: "", place: 0 },
    { input: "the null device", from: "</dev/null", place: 0 },
    { input: "a pipe that says y without end", from: "yes |", place: 1 },
  ];
  const outputs = { "a pipe": "| cat", "a file": "> out.txt" };
  const cases = inputs.flatMap((from) =>
    Object.entries(outputs).flatMap(([output, to]) => [null, "1", "true"].map((ci) => ({ ...from, output, to, ci }))),
  );

  test.each(cases)("$input, $output, CI=$ci", async ({ from, place, to, ci }) => {
    const line = `${from} stratctl strategy create ${to}; exit \${PIPESTATUS[${place}]}`;
    const { stdout, stderr, exit } = await shell.run(line, { isInputOpen: true, env: ci === null ? {} : { CI: ci } });
    const { stdout: file } = await shell.run("cat out.txt; rm -f out.txt");
    expect({ printed: stdout + file, stderr, exit }).toEqual({
      printed: "",
      stderr: "stratctl: missing name\n  e.g. stratctl strategy create Condor --tag weekly\n",
      exit: 2,
    });
  });

  test("and nothing was created", async () => {
    const { stdout } = await shell.run("stratctl strategy list | cut -f2 | grep -vc '^S[0-9]*$'");
    expect(stdout).toBe("1\n"); // the default one
  });
});

/** Rows straight into the tables: how they got there is no matter of a pipe. */
async function fill(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into strategy (trading_account_id, strategy_name) select 'XJ4540', 'S' || n from generate_series(1, ${ROWS}) n`,
  );
  await client.query(`insert into strategy_m2m_candles (strategy_id, timestamp, open, high, low, close, entry_value, realized_pnl,
      instrument_count, sample_count, stale_count, oldest_age_ms, sampled, first_at, last_at, source)
    select (select strategy_id from strategy where strategy_name = 'S'), at, 1, 2, 0, 1, 0, 0, 1, 1, 0, 0, 1, at, at, 'backfill'
    from (select timestamptz '2025-07-01 00:00Z' + n * interval '1 minute' as at from generate_series(1, ${ROWS}) n) minutes`);
  await client.end();
}
