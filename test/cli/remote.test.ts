import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSources } from "../../packages/sdk/src/quotes/open.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { writeMark } from "./marks.ts";
import { withoutChance } from "./script.ts";
import { openShell, type Shell } from "./shell.ts";

/** The real binary against a real server: the same commands, the same answers. */

/** Each in turn, on a database with nothing in it. What a server cannot do is done on its database, `$DB`. */
const LINES = [
  "stratctl account list --json",
  "stratctl account add XJ4540 --alias 1042",
  "stratctl account show",
  "stratctl strategy create Condor --tag weekly",
  "stratctl strategy create Condor",
  "stratctl strategy create Condor --if-missing",
  "stratctl leg add condor BUY 1lot NIFTY2580724400PE --price 64.95",
  "stratctl leg add condor SELL 75 NIFTY2580724600PE --price 111.95",
  "stratctl leg add condor BUY 75 NIFTY2580724800PE",
  "stratctl leg update condor 1 --note hedge",
  "stratctl leg list condor --csv",
  "stratctl replay recordings/morning.csv --url $DB",
  "stratctl mark condor",
  "stratctl mark condor --now",
  "stratctl m2m condor --interval 5m",
  "stratctl m2m condor --day 2025-07-31 --chart",
  "stratctl m2m condor --from 09:20 --to 09:25 --json",
  "stratctl quote NSE:INFY",
  "stratctl strategy update condor --capital 250000",
  "stratctl strategy list",
  "stratctl strategy show condo",
  "stratctl strategy show condor --json",
  "stratctl leg close condor 2 --price 100",
  "stratctl leg close condor 2 --price 100",
  "stratctl leg remove condor 1",
  "stratctl strategy archive condor",
  "stratctl m2m condor --follow",
];

const SUBJECT = "trader";

interface Desk {
  readonly local: Shell;
  readonly remote: Shell;
  readonly db: Database;
  readonly api: RunningApi;
  readonly token: string;
}

let desk: Desk;
beforeAll(async () => {
  const [local, remote] = await Promise.all([openShell(), openShell()]);
  const db = await openPool(urlOf(remote));
  const sources = openSources({ redis_url: remote.env["REDIS_URL"], ticker_url: remote.env["TICKER_URL"] });
  const api = await startApi({ db, sources });
  const token = await api.token({ subject: SUBJECT });
  desk = { local, remote, db, api, token };
  await writeFile(join(remote.folder, "token"), `${token}\n`, { mode: 0o600 });
});
afterAll(async () => {
  await desk?.api.close();
  await desk?.db.close();
  await Promise.all([desk?.local[Symbol.asyncDispose](), desk?.remote[Symbol.asyncDispose]()]);
});

function urlOf({ env }: Shell): string {
  return env["DATABASE_URL"] ?? "";
}

const overHttp = (): Record<string, string> => ({
  DB: urlOf(desk.remote),
  DATABASE_URL: "",
  STRATCTL_URL: desk.api.url,
  STRATCTL_TOKEN_FILE: join(desk.remote.folder, "token"),
});

describe("a command of a server", () => {
  test.each(LINES)("answers as that of a database: %s", async (line) => {
    const [here, there] = await Promise.all([
      desk.local.run(line, { env: { DB: urlOf(desk.local) } }),
      desk.remote.run(line, { env: overHttp() }),
    ]);
    const plain = (text: string, { folder }: Shell) =>
      withoutChance(text, { folder, now_ms: Date.now() })
        .replaceAll(/"age_ms":\d+|\t\d{9,}\t/g, "<age>")
        .replaceAll(/"created_by":(null|"[^"]*")/g, "<by>")
        .replaceAll(`\t${SUBJECT}\t`, "\t\t"); // a database is not told who calls
    expect({ ...there, stdout: plain(there.stdout, desk.remote), stderr: withoutPlace(plain(there.stderr, desk.remote)) }).toEqual({
      ...here,
      stdout: plain(here.stdout, desk.local),
      stderr: plain(here.stderr, desk.local),
    });
    expect(there.stdout + there.stderr).not.toContain(desk.token);
  });

  /** An error of a server says which it was. */
  function withoutPlace(text: string): string {
    return text.replaceAll(` (${desk.api.url})`, "").replaceAll(`  at ${desk.api.url}\n`, "");
  }

  test("says which server refused it, and never the token", async () => {
    const { stderr, exit } = await desk.remote.run("stratctl account list", { env: { ...overHttp(), STRATCTL_TOKEN: "hidden-and-wrong" } });
    expect(exit).toBe(8);
    expect(stderr).toContain(desk.api.url);
    expect(stderr).not.toContain("hidden-and-wrong");
  });
});

describe("m2m --follow", () => {
  const at = (second: number): string => `2025-07-31T04:00:0${second}Z`;
  const write = (strategy_id: number, second: number) => writeMark(desk.db, { strategy_id, at: at(second), m2m: second });

  test.each(["server", "database"])("of a %s is a line a mark until Ctrl-C, and no process shows the token", async (door) => {
    const { remote } = desk;
    const name = `Live ${door}`;
    const env = door === "server" ? overHttp() : {};
    const made = await remote.run(`stratctl account add XJ4540 --if-missing >&2 && stratctl strategy create "${name}" --json`, { env });
    const { strategy_id }: { strategy_id: number } = JSON.parse(made.stdout);
    await write(strategy_id, 1);
    const child = remote.start(`exec stratctl m2m "${name}" --follow --json`, { env });
    let out = "";
    let err = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
    const isOver = new Promise<number | null>((done) => child.on("close", done));
    for await (const text of child.stdout?.setEncoding("utf8") ?? []) {
      out += String(text);
      const count = out.split("\n").length - 1;
      if (count === 1) await write(strategy_id, 2);
      if (count >= 2) break;
    }
    expect(commandLines().filter((line) => line.includes(desk.token))).toEqual([]);
    expect(commandLines().some((line) => line.includes("--follow"))).toBe(true);
    child.kill("SIGINT");
    expect({ exit: await isOver, err }).toEqual({ exit: 130, err: "" });
    const marks: unknown[] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(marks).toMatchObject([
      { at: at(1), m2m: 1, pnl: -1 },
      { at: at(2), m2m: 2, pnl: -2 },
    ]);
  });
});

test.skipIf(!existsSync("/dev/full"))("m2m --follow goes on while a full disk takes no row of it", async () => {
  const { remote } = desk;
  const made = await remote.run('stratctl account add XJ4540 --if-missing >&2 && stratctl strategy create "Full" --json');
  const { strategy_id }: { strategy_id: number } = JSON.parse(made.stdout);
  await writeMark(desk.db, { strategy_id, at: "2025-07-31T04:00:01Z", m2m: 1 });
  const child = remote.start('exec stratctl m2m "Full" --follow --json > /dev/full');
  const isOver = new Promise<number | null>((done) => child.on("close", done));
  let err = "";
  for await (const text of child.stderr?.setEncoding("utf8") ?? []) {
    err += String(text);
    if (err.endsWith("\n")) break;
  }
  expect(err).toBe("stratctl: cannot write to standard output (ENOSPC); it goes on without\n");
  child.kill("SIGTERM");
  expect(await isOver).toBe(0);
});

/** Of all processes of this machine, as anybody may read them. */
function commandLines(): string[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [readFileSync(`/proc/${name}/cmdline`, "utf8")];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
