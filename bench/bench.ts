import { writeFile } from "node:fs/promises";
import { arch, cpus, release, totalmem, type } from "node:os";
import { parseArgs } from "node:util";
import { benchBook } from "./book.ts";
import { isMet, tableOf, type Figure, type PartResult } from "./figure.ts";
import { benchHistory } from "./history.ts";
import { benchHttp } from "./http.ts";
import { benchMemory } from "./memory.ts";
import { benchPass } from "./pass.ts";
import { benchReplay } from "./replay.ts";
import { Servers } from "./servers.ts";
import { benchStartup } from "./startup.ts";
import { benchStorage } from "./storage.ts";

/**
 * `pnpm bench`: what a minute costs, beside what it must cost and what it did cost. Parts by name, all of them where none is
 * named; `--strategies 1000,10000` for other sizes, `--runs 5`, `--set fsync=off` for settings of Debian's Postgres, `--json FILE`.
 */

interface BenchOptions {
  /** Null: those that the part is meant for. */
  readonly strategies: readonly number[] | null;
  readonly runs: number;
}

const PARTS: Readonly<Record<string, (servers: Servers, options: BenchOptions) => Promise<PartResult>>> = {
  pass: (servers, { strategies, runs }) => benchPass(servers, { strategies: strategies ?? [1_000, 10_000, 100_000], runs }),
  memory: (servers, { strategies, runs }) =>
    benchMemory(servers, { strategies: strategies ?? [1_000, 10_000, 100_000], runs: Math.min(runs, 3) }),
  book: (servers, { strategies, runs }) => benchBook(servers, { strategies: strategies ?? [100_000], runs }),
  embedded: (servers, { strategies, runs }) => benchPass(servers, { strategies: strategies ?? [1_000, 10_000], runs, kind: "embedded" }),
  history: (servers, { strategies, runs }) => benchHistory(servers, { strategy_count: strategies?.[0] ?? 2_000, runs }),
  http: (servers, { strategies, runs }) => benchHttp(servers, { strategy_count: strategies?.[0] ?? 10_000, runs: Math.min(runs, 3) }),
  storage: (servers) => benchStorage(servers),
  replay: (servers, { strategies, runs }) => benchReplay(servers, { strategies: strategies ?? [1, 100, 10_000], runs }),
  startup: (servers, { runs }) => benchStartup(servers, { runs }),
};

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  allowPositionals: true,
  options: {
    strategies: { type: "string" },
    runs: { type: "string", default: "5" },
    set: { type: "string", multiple: true },
    json: { type: "string" },
  },
});
const parts = positionals.length > 0 ? positionals : Object.keys(PARTS);
const options: BenchOptions = {
  strategies: values.strategies === undefined ? null : values.strategies.split(",").map(wholeNumber),
  runs: wholeNumber(values.runs),
};

await using servers = new Servers({ settings: values.set ?? [] });
const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()} ${arch()}, Node ${process.versions.node}`;
console.log(machine);
const results: Record<string, PartResult> = {};
for (const name of parts) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`no part "${name}"; there are ${Object.keys(PARTS).join(", ")}`);
  const result = await part(servers, options);
  results[name] = result;
  console.log(`\n── ${name} ${"─".repeat(Math.max(0, 100 - name.length))}\n${tableOf(result.figures)}`);
  for (const note of result.notes) console.log(`· ${note}`);
}
console.log(`\n${closing(Object.values(results).flatMap(({ figures }) => figures))}`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ machine, runs: options.runs, results }, null, 2)}\n`);

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new Error(`"${text}" is not a whole number above 0`);
}

function closing(figures: readonly Figure[]): string {
  const verdicts = figures.flatMap((one) => [
    isMet(one.target, one.value),
    ...one.against.map(({ target, ratio }) => isMet(target, ratio)),
  ]);
  const missed = figures.filter(
    (one) => isMet(one.target, one.value) === false || one.against.some((to) => isMet(to.target, to.ratio) === false),
  );
  const names = missed.map(({ name, size }) => `${name.trim()}${size === null ? "" : ` at ${size.toLocaleString("en-US")}`}`);
  const met = `${verdicts.filter((verdict) => verdict === true).length} targets met`;
  return names.length === 0 ? met : `${met}, missed: ${names.join("; ")}`;
}
