import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { importInstruments, type DumpImported } from "./import.ts";

const HEADER =
  "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange";
const CALL = "1,2,NIFTY25N0424500CE,NIFTY,0.0,2025-11-04,24500.0,0.05,75,CE,NFO-OPT,NFO";
const FUTURE = "3,4,NIFTY25NOVFUT,NIFTY,0.0,2025-11-25,0.0,0.1,75,FUT,NFO-FUT,NFO";

onEveryPostgres("a dump of instruments", (store) => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "stratctl-dump-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  let made = 0;
  beforeEach(() => store.db.script("truncate instrument"));
  const file = async (content: string | Uint8Array): Promise<string> => {
    const path = join(folder, `dump-${(made += 1)}`);
    await writeFile(path, content);
    return path;
  };
  const take = async (lines: readonly string[], day = "2025-11-03"): Promise<DumpImported> =>
    importInstruments(await file([HEADER, ...lines, ""].join("\n")), { url: store.url, day });
  const kept = (): Promise<unknown> =>
    store.db.texts(
      ["tradingsymbol", "lot_size", "seen_on"],
      "test.kept",
      "select tradingsymbol, lot_size, seen_on from instrument order by tradingsymbol",
    );

  test("is kept; again changes nothing, and what a later one lacks stays", async () => {
    expect(await take([CALL, FUTURE])).toMatchObject({ row_count: 2, added_count: 2, changed_count: 0, refused: [] });
    expect(await take([CALL, FUTURE])).toMatchObject({ row_count: 2, added_count: 0, changed_count: 0 });
    expect(await take([FUTURE.replace(",75,", ",65,")], "2025-11-05")).toMatchObject({ added_count: 0, changed_count: 1 });
    expect(await kept()).toEqual([
      ["NIFTY25N0424500CE", "75", "2025-11-03"],
      ["NIFTY25NOVFUT", "65", "2025-11-05"],
    ]);
  });

  test("of an earlier day adds what is not known, and changes nothing that a later one told", async () => {
    await take([FUTURE], "2025-11-05");
    expect(await take([CALL, FUTURE.replace(",75,", ",50,")], "2025-11-03")).toMatchObject({ added_count: 1, changed_count: 0 });
    expect(await kept()).toEqual([
      ["NIFTY25N0424500CE", "75", "2025-11-03"],
      ["NIFTY25NOVFUT", "75", "2025-11-05"],
    ]);
  });

  test("is read by its columns' names and unzipped by its content", async () => {
    const lines = ["\uFEFFexchange,Lot_Size,tick_size,strike,expiry,tradingsymbol,instrument_type,instrument_token,name,more"];
    const text = [...lines, 'NSE,1,0.1,0,,M&M,EQ,9,"MAHINDRA, ""M""",x', ""].join("\r\n");
    expect(await importInstruments(await file(gzipSync(text)), { url: store.url })).toMatchObject({ row_count: 1, added_count: 1 });
    const names = await store.db.texts(["name", "strike", "segment"], "test.names", "select name, strike, segment from instrument");
    expect(names).toEqual([['MAHINDRA, "M"', null, null]]);
  });

  test("a row that is no instrument is named by its line, and the rest is kept", async () => {
    const bad: readonly (readonly [line: string, what: string])[] = [
      [CALL.replace("1,", "x,"), 'instrument_token "x" is not a whole number of 0 or more'],
      [CALL.replace("24500.0", "-5"), 'strike "-5" is not a number of 0 or more'],
      [CALL.replace("24500.0", ""), "no strike, and it is a CE"],
      [CALL.replace("2025-11-04", "2025-02-30"), 'expiry "2025-02-30" is not a day like 2026-08-25'],
      [FUTURE.replace("2025-11-25", ""), "no expiry, and it is a FUT"],
      [CALL.replace(",CE,", ",OPT,"), 'instrument_type "OPT" is not EQ, FUT, CE or PE'],
      [CALL.replace(",0.05,", ",NaN,"), 'tick_size "NaN" is not a number of 0 or more'],
      [CALL.replace(",75,", ",1.5,"), 'lot_size "1.5" is not a whole number of 0 or more'],
      [CALL.replace("NIFTY25N0424500CE", ""), 'tradingsymbol "" is not a symbol'],
      ["1,2,3", "3 fields where the header has 12"],
      [FUTURE, "NFO:NIFTY25NOVFUT stands in line 2 already"],
    ];
    const done = await take([FUTURE, ...bad.map(([line]) => line), CALL, CALL.replace(/,NFO$/, ",NCO")]);
    expect(done.refused).toEqual(bad.map(([, message], place) => ({ line: place + 3, message })));
    expect(done).toMatchObject({ added_count: 2, refused_count: bad.length, other_count: 1, other_exchanges: ["NCO"] });
  });

  test("that ends in the middle, or is none, leaves nothing behind", async () => {
    const many = Array.from({ length: 20_000 }, (_, place) => CALL.replace("24500CE", `${place + 1}CE`).replace("1,2,", `${place + 1},2,`));
    const whole = gzipSync([HEADER, ...many].join("\n"));
    const cut = importInstruments(await file(whole.subarray(0, whole.length - 40)), { url: store.url });
    await expect(cut).rejects.toMatchObject({
      code: "file_unusable",
      message: expect.stringContaining("gzip data that ends in the middle"),
    });
    await expect(take([])).rejects.toMatchObject({
      code: "file_unusable",
      message: expect.stringContaining("lists no instrument (no row)"),
    });
    await expect(importInstruments(await file("a,b\n1,2\n"), { url: store.url })).rejects.toMatchObject({
      code: "file_unusable",
      message: expect.stringContaining(":1: no column instrument_token, tradingsymbol, expiry"),
    });
    expect(await kept()).toEqual([]);
  });

  test("a server's instruments are imported where it runs", async () => {
    const refused = importInstruments(await file(HEADER), { url: "https://stratctl.example" });
    await expect(refused).rejects.toMatchObject({ code: "url_invalid" });
  });
});
