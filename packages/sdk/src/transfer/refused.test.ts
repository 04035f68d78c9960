import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { minuteAt, writeMinutes } from "../../../../test/support/minutes.ts";
import { refused } from "../../../../test/support/refused.ts";
import { serviceOn } from "../../../../test/support/service.ts";
import { cleared, Desk, everything, NOTHING, textsOf } from "../../../../test/support/transfer.ts";
import type { Database } from "../store/db.ts";
import { exported } from "../store/transfer.ts";
import { exportTo } from "./export.ts";
import { importFrom } from "./import.ts";

const AT_MS = Date.parse("2026-11-25T04:00:00Z");
const TRADE = { tradingsymbol: "NFO:NIFTY26DECFUT", price: 100.5 } as const;
const desk = new Desk();
let from: Database;
let into: Database;
/** The same twice: T1 with its default strategy 1 and Condor 2, which has two legs, fills and more than one batch of candles. */
let csv: Record<string, string> = {};
let json = "";

beforeAll(async () => {
  [from, into] = [await desk.empty(), await desk.empty()];
  const api = serviceOn(from, { account_id: "T1" });
  await api.accounts.create({ account_id: "T1", account_name: "Ünï", aliases: ["seven"] });
  const { strategy_id } = await api.strategies.create({ name: "Condor" });
  await api.strategies.fills.add({ ...TRADE, strategy_id, side: "BUY", quantity: 75, external_id: "T-1" });
  await api.strategies.fills.add({ ...TRADE, strategy_id, side: "SELL", quantity: 25 });
  await writeMinutes(
    from,
    Array.from({ length: 2_100 }, (_, minute) => minuteAt(strategy_id, AT_MS + minute * 60_000, minute)),
  );
  csv = await textsOf(await desk.exported(from, "csv", [1, 2]));
  json = (await textsOf(await desk.exported(from, "json", [1, 2])))["lines"] ?? "";
});
beforeEach(() => cleared(into));
afterAll(() => desk.end());

/** A folder with these files, one of them changed. */
async function folderWith(file = "", change: (text: string) => string = (text) => text): Promise<string> {
  const path = await desk.exported(from, "csv", [1, 2]);
  if (file !== "") await writeFile(join(path, file), change(csv[file] ?? ""));
  return path;
}
const line = (number: number, change: (line: string) => string) => (text: string) =>
  text
    .split("\r\n")
    .map((one, place) => (place === number - 1 ? change(one) : one))
    .join("\r\n");
const brought = (path: string, dry_run = false): ReturnType<typeof importFrom> => importFrom(into, { path, dry_run });

describe("a fault is told by file, line, column and value, and nothing is written", () => {
  test.each<[file: string, number: number, from: string, to: string, says: string]>([
    ["legs.csv", 2, ",50,", ",5x0,", 'legs.csv:2: quantity "5x0" is not a whole number like 75'],
    ["legs.csv", 2, ",50,", ",,", "legs.csv:2: quantity is empty, and every row has one"],
    ["legs.csv", 2, ",50,", ",-50,", 'legs.csv:2: quantity "-50" breaks the rule quantity > 0'],
    ["legs.csv", 2, "BUY", "HOLD", "legs.csv:2: direction \"HOLD\" breaks the rule direction = ANY (ARRAY['BUY', 'SELL'])"],
    ["legs.csv", 3, ",25,", ",25,1,", "legs.csv:3: 25 fields where the header has 24"],
    ["legs.csv", 1, "quantity", "quantities", "legs.csv:1: no column quantity"],
    ["legs.csv", 1, "id", "id,id", 'legs.csv:1: column "id" is not known, or there twice'],
    ["legs.csv", 3, ",1,,FUT", ",9,,FUT", "legs.csv:3: part_of is no leg of that strategy"],
    ["strategies.csv", 3, "T1", "T2", 'strategies.csv:3: account_id "T2" is neither here nor in the database'],
    ["fills.csv", 2, "100.5", "100.50001", 'fills.csv:2: price "100.50001" is not a plain number of at most four decimals'],
    ["fills.csv", 2, "1,T1,2,1,", "1,T1,1,1,", "fills.csv:2: leg_id is no leg of that strategy and account"],
    ["candles.csv", 2034, "2,2026", "3,2026", "candles.csv:2034: strategy_id is no strategy"],
    ["candles.csv", 2034, "Z,", ",", 'candles.csv:2034: timestamp "2026-11-26T13:52:00" is not an instant with its zone'],
    ["candles.csv", 2034, "000000000000001", "1", 'candles.csv:2034: sampled "1" is not 15 hex digits'],
    ["candles.csv", 2034, ",live", ",dead", 'candles.csv:2034: source "dead" breaks the rule'],
    ["strategies.csv", 3, "[]", "hedge", 'strategies.csv:3: tags "hedge" is not a list of texts in JSON'],
    ["strategies.csv", 3, ",false,", ",no,", 'strategies.csv:3: is_default "no" is not true or false'],
    ["strategies.csv", 3, "{}", "{", 'strategies.csv:3: metadata "{" is not JSON'],
    ["accounts.csv", 2, "Ünï", '"Ü"n', "accounts.csv:2: something stands behind the quote that closes a field"],
    ["export.json", 1, "1", "2", 'export.json: is not {"stratctl_export":1,"rows":{…}}'],
  ])("%s:%i %j as %j", async (file, number, given, other, says) => {
    const change = file === "export.json" ? (text: string) => text.replace(given, other) : line(number, (one) => one.replace(given, other));
    await refused(brought(await folderWith(file, change)), "file_unusable", says);
    expect(await everything(into)).toEqual(NOTHING);
  });

  test("so it is in a file of JSON", async () => {
    const path = await desk.path();
    await writeFile(path, json.replace('"quantity":50', '"quantity":5e1'));
    await refused(brought(path), "file_unusable", `${path}:4: quantity "5e1" is not a whole number`);
    await writeFile(path, json.replace('"kind":"legs"', '"kind":"arms"'));
    await refused(brought(path), "file_unusable", `${path}:4: is not {"kind":…,"row":{…}} of a kind that there is`);
    await writeFile(path, `${json}${json}`);
    await refused(brought(path), "file_unusable", "stands behind the line that ends the export");
    await refused(brought(`${path}-not`), "file_unusable", "no such file");
  });
});

describe("an export that was cut short is refused, and nothing is written", () => {
  test("wherever a file of JSON is cut", async () => {
    const path = await desk.path();
    const head = json.indexOf('{"kind":"candles"');
    const tail = json.lastIndexOf('{"kind":"candles"');
    const cut = fc.oneof(fc.nat(head), fc.integer({ min: tail, max: json.length - 1 }), fc.constantFrom(head, tail));
    await fc.assert(
      fc.asyncProperty(cut, async (length) => {
        await writeFile(path, json.slice(0, length));
        await refused(brought(path), "file_unusable", path);
        expect(await everything(into)).toEqual(NOTHING);
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test("wherever a file of CSV is cut, and where one is gone", async () => {
    const path = await folderWith();
    const names = Object.keys(csv);
    const cut = fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(name), fc.nat((csv[name]?.length ?? 1) - 1)));
    await fc.assert(
      fc.asyncProperty(cut, async ([name, length]) => {
        // The brace that ends export.json is all that counts there.
        fc.pre(name !== "export.json" || length < (csv[name]?.trimEnd().length ?? 0));
        await writeFile(join(path, name), (csv[name] ?? "").slice(0, length));
        await refused(brought(path), "file_unusable", name);
        await rm(join(path, name));
        await refused(brought(path), "file_unusable", name);
        await writeFile(join(path, name), csv[name] ?? "");
        expect(await everything(into)).toEqual(NOTHING);
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });

  test("and where whole rows are gone", async () => {
    const path = await folderWith("candles.csv", (text) => text.replace(/[^\n]*\n$/, ""));
    await refused(brought(path), "file_unusable", "candles.csv: rows: 2099, and export.json says 2100");
    const lines = await desk.path();
    await writeFile(lines, json.replace(/\{"kind":"fills".*\n/, ""));
    await refused(brought(lines), "file_unusable", "rows of fills: 1, and its last line says 2");
    expect(await everything(into)).toEqual(NOTHING);
  });
});

describe("what the database says otherwise is refused", () => {
  const differing = async (says: string): Promise<void> => {
    const before = await everything(into);
    for (const dry_run of [true, false]) await refused(brought(await folderWith(), dry_run), "import_differs", says);
    expect(await everything(into)).toEqual(before);
  };

  test("a row of that id with other content, which is named", async () => {
    await brought(await folderWith());
    await into.run("test.leg", "update strategy_instruments set quantity = 49, notes = 'mine' where id = 1");
    await differing('legs.csv:2: id 1 is in the database already, and differs in quantity, cost, notes: here quantity is "50"');
  });

  test("a candle of that minute", async () => {
    await brought(await folderWith());
    await into.run("test.candle", "update strategy_m2m_candles set close = close + 0.0001 where timestamp = '2026-11-26T13:52:00Z'");
    await differing("candles.csv:2034: strategy_id 2, timestamp 2026-11-26T13:52:00Z is in the database already, and differs in close");
  });

  test("a trade that counts already", async () => {
    await brought(await folderWith());
    await into.run("test.fill", "update strategy_fills set id = 101 where id = 1");
    await differing('fills.csv:2: external_id "T-1": another fill of that leg has the broker\'s id');
  });

  test("a name of another strategy, a default strategy in use, an alias of another account", async () => {
    const api = serviceOn(into, { account_id: "T1" });
    await into.run("test.ids", "select setval('strategy_strategy_id_seq', 70)");
    await api.accounts.create({ account_id: "T1", account_name: "Ünï", aliases: ["seven"] });
    const { strategy_id } = await api.strategies.create({ name: "CONDOR" });
    await differing('strategies.csv:3: name "Condor": another active strategy of that account has the name');
    await api.strategies.update({ strategy_id, name: "Other" });
    await api.strategies.legs.add({ strategy_id: 71, direction: "BUY", quantity: 1, tradingsymbol: "NSE:RELIANCE", entry_price: 1 });
    await differing('strategies.csv:2: account_id "T1": the account has a default strategy already');
    await cleared(into);
    await api.accounts.create({ account_id: "T9", aliases: ["seven"] });
    await differing(
      'accounts.csv:2: account_id "T1", aliases "[""seven""]": one of these names is another account\'s'.replaceAll('""', '\\"'),
    );
  });
});

describe("an import stands beside what is there", () => {
  test("another account stays, and whoever adds later gets ids of their own", async () => {
    const api = serviceOn(into);
    await into.run("test.allIds", "select setval('strategy_strategy_id_seq', 70), setval('strategy_instruments_id_seq', 90)");
    await api.accounts.create({ account_id: "Z" });
    await brought(await folderWith());
    const call = { account_id: "T1" };
    const { strategy_id } = await api.strategies.create({ ...call, name: "Later" });
    const leg = { ...call, strategy_id, direction: "BUY", quantity: 1, tradingsymbol: "NSE:RELIANCE", entry_price: 1 };
    expect((await api.strategies.legs.add(leg)).id).toBeGreaterThan(90);
    expect((await api.strategies.list({ account_id: "Z" })).map((one) => one.strategy_id)).toEqual([71]);
    expect(strategy_id).toBeGreaterThan(71);
  });

  test("a default strategy that nobody used is the brought one from then on", async () => {
    const api = serviceOn(into, { account_id: "T1" });
    await into.run("test.ids", "select setval('strategy_strategy_id_seq', 70)");
    await api.accounts.create({ account_id: "T1", account_name: "Ünï", aliases: ["seven"] });
    await brought(await folderWith());
    expect(await textsOf(await desk.exported(into, "csv", [1, 2]))).toMatchObject({ "strategies.csv": csv["strategies.csv"] });
  });

  test("one strategy comes with its account, which gets a default strategy; the rest may follow", async () => {
    const path = await desk.exported(from, "csv", [2]);
    await brought(path);
    const api = serviceOn(into, { account_id: "T1" });
    const now = await api.strategies.list({});
    expect(new Map(now.map(({ strategy_id, is_default }) => [strategy_id, is_default]))).toEqual(
      new Map([
        [2, false],
        [3, true],
      ]),
    );
    await brought(await folderWith());
    expect(await textsOf(await desk.exported(into, "csv", [1, 2]))).toEqual(csv);
  });

  test("what engines bring up to date, and when a row was written, are no difference", async () => {
    await brought(await folderWith());
    await into.run("test.engine", "update strategy set current_m2m = 5, total_pnl = -5, created_at = now() - interval '1 day'");
    const report = await brought(await folderWith());
    expect(report.find(({ kind }) => kind === "strategies")).toEqual({ kind: "strategies", added: 0, unchanged: 2 });
  });

  test("an export is of one instant, whatever is written while it goes on", async () => {
    const seen: string[] = [];
    await brought(await folderWith());
    await exported(into, [2], async ({ kind, rows }) => {
      seen.push(`${rows.length} ${kind}`);
      if (kind !== "accounts") return;
      const trade = { ...TRADE, account_id: "T1", strategy_id: 2, side: "BUY", quantity: 5 } as const;
      await serviceOn(into).strategies.fills.add(trade);
    });
    expect(seen).toEqual(["1 accounts", "1 strategies", "2 legs", "2 fills", "2000 candles", "100 candles"]);
  });

  test("a mark and a price only move forward", async () => {
    const mark =
      "insert into strategy_mark values (2, $1, 1.5, 3.5, 5, 0, 1, 1, 0, null, null) on conflict (strategy_id) do update set at = $1";
    await from.run("test.mark", mark, ["2026-11-25T05:00:00Z"]);
    await brought(await desk.exported(from, "json", [1, 2]));
    await into.run("test.later", "update strategy_mark set at = '2026-11-25T06:00:00Z', reason = 'later'");
    await brought(await desk.exported(from, "json", [1, 2]));
    await from.run("test.mark", mark, ["2026-11-25T07:00:00Z"]);
    expect(await everything(into)).toMatchObject({ marks: expect.stringContaining('"later"') });
    await brought(await desk.exported(from, "json", [1, 2]));
    expect(await everything(into)).toMatchObject({ marks: expect.stringContaining("07:00:00") });
    await from.run("test.unmark", "delete from strategy_mark");
  });
});

test("an export takes no place of what is there, and leaves nothing when it fails", async () => {
  const path = await folderWith();
  await refused(exportTo(from, { path, form: "csv", strategy_ids: [1] }), "file_unusable", "is there already");
  await refused(exportTo(from, { path: "/proc/none/x", form: "json", strategy_ids: [1] }), "file_unusable", "cannot write /proc/none/x");
  const gone = new Error("gone");
  await expect(exportTo(from, { path: `${path}x`, form: "json", strategy_ids: [1], signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
  await expect(importFrom(into, { path, dry_run: false, signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  expect((await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)))).toEqual([basename(path)]);
  expect(await readFile(join(path, "accounts.csv"), "utf8")).toBe(csv["accounts.csv"]);
});
