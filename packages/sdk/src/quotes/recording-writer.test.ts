import * as fc from "fast-check";
import { createWriteStream, existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRecording, surveyRecording, type RecordedQuote } from "./recording.ts";
import { createRecording, TickWriter } from "./recording-writer.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratctl-recording-"));
});
afterAll(() => rm(folder, { recursive: true }));

const at = (second: number): number => Date.parse("2025-07-31T03:45:00Z") + second * 1_000;
const quote = (second: number, instrument: string, price: number): RecordedQuote => ({
  at_ms: at(second),
  instrument,
  price_units: price * 10_000,
});

test("quotes are put in order of time, equal times as they came; a late one is counted and left out", async () => {
  const path = join(folder, "written.csv");
  const recording = await createRecording(path);
  for (const told of [quote(3, "NFO:A", 1), quote(1, "NFO:B", 2), quote(3, "NFO:A", 3), quote(2, "NFO:C", 4)]) recording.write(told);
  await recording.advance(at(2));
  recording.write(quote(1, "NFO:D", 5)); // row 2 has been written
  recording.write(quote(2, "NFO:D", 6));
  await recording.close();
  await recording.close();
  expect(await readFile(path, "utf8")).toBe(
    [
      "at_utc,instrument,price",
      "2025-07-31T03:45:01Z,NFO:B,2",
      "2025-07-31T03:45:02Z,NFO:C,4",
      "2025-07-31T03:45:02Z,NFO:D,6",
      "2025-07-31T03:45:03Z,NFO:A,1",
      "2025-07-31T03:45:03Z,NFO:A,3",
      "",
    ].join("\n"),
  );
  expect(recording.counts).toEqual({ written: 5, late: 1 });
});

test("what is written is what is read, gzipped or not", async () => {
  const quotes = fc.array(
    fc.record({
      at_ms: fc.integer({ min: at(0), max: at(20) }),
      instrument: fc.constantFrom("NFO:A", "NSE:NIFTY 50", 'NFO:"M&M", odd', "BFO:A"),
      price_units: fc.integer({ min: 1, max: 5_000_000_000_000_000 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(quotes, fc.constantFrom(".csv", ".csv.gz"), async (told, suffix) => {
      run += 1;
      const path = join(folder, `run-${run}${suffix}`);
      await using recording = await createRecording(path);
      for (const one of told) recording.write(one);
      await recording.close();
      const back: RecordedQuote[] = [];
      for await (const one of await openRecording(path, { every_ms: 1_000 })) back.push(one);
      expect(back).toEqual(told.toSorted((a, b) => a.at_ms - b.at_ms));
    }),
    { numRuns: 40 },
  );
});

test("of a recorder that is killed all but the last minute can be had", async () => {
  const path = join(folder, "killed.csv.gz");
  const recording = await createRecording(path);
  for (let second = 0; second < 180; second += 1) {
    recording.write(quote(second, "NFO:A", second + 1));
    await recording.advance(at(second));
  }
  await expect.poll(async () => gunzipSync(await readFile(path), { finishFlush: 2 }).toString()).toContain("03:47:00Z");
  await recording.close();
  expect(await surveyRecording(path)).toMatchObject({ quote_count: 180 });
});

test("never over another, and not where it cannot be", async () => {
  const there = join(folder, "there.csv");
  await writeFile(there, "precious");
  await expect(createRecording(there)).rejects.toMatchObject({
    code: "file_unusable",
    message: `cannot write ${there} (it exists already)`,
  });
  expect(await readFile(there, "utf8")).toBe("precious");
  const nowhere = join(folder, "no", "such", "ticks.csv");
  await expect(createRecording(nowhere)).rejects.toMatchObject({ message: `cannot write ${nowhere} (no such folder)` });
});

test("a disk that is full ends it with a word, not with a crash", async () => {
  if (!existsSync("/dev/full")) return console.warn("recording.test.ts skipped: no /dev/full");
  for (const name of ["full.csv", "full.csv.gz"]) {
    const recording = new TickWriter(name, createWriteStream("/dev/full"));
    const writing = async (): Promise<void> => {
      await recording.begin();
      for (let second = 0; second < 5_000; second += 1) {
        for (let row = 0; row < 20; row += 1) recording.write(quote(second, `NFO:T${row}`, Math.floor(Math.random() * 1e6) + 1));
        await recording.advance(at(second));
      }
      await recording.close();
    };
    await expect(writing()).rejects.toMatchObject({ code: "file_unusable", message: `cannot write ${name} (the disk is full)` });
    await expect(recording.close()).rejects.toMatchObject({ code: "file_unusable" });
  }
});
