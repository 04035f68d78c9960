import type { Command } from "commander";
import type { DumpImported, Listing } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";

const LISTING_FIELDS = [
  "instrument",
  "expiry",
  "strike",
  "instrument_type",
  "lot_size",
  "tick_size",
  "name",
  "instrument_token",
  "exchange_token",
  "exchange",
  "tradingsymbol",
  "segment",
  "seen_on",
] as const satisfies (keyof Listing)[];

const IMPORTED_FIELDS = [
  "path",
  "row_count",
  "added_count",
  "changed_count",
  "refused_count",
  "other_count",
] as const satisfies (keyof DumpImported)[];

export function addInstruments(program: Command, act: Act): void {
  const instruments = program.command("instruments").description("what exchanges list: symbols, expiries, lots, tick sizes");

  instruments
    .command("import")
    .description("take in a broker's dump of instruments; what it lacks stays, as expired")
    .argument("<file>", "CSV with Kite's columns, gzipped or not")
    .option("--day <day>", "the day that the dump is of; left out: today")
    .addHelpText(
      "after",
      examples(
        ["stratctl instruments import kite.csv.gz"],
        ["stratctl instruments import old.csv --day 2025-07-31", "a dump kept from then"],
      ),
    )
    .action(act((deps, given) => runImport(deps, { file: given.argument(0) ?? "", day: given.text("day") })));

  instruments
    .command("search")
    .description("look for instruments; those that expire next come first")
    .argument("<word...>", "a name, a strike, CE, PE or FUT, a month, in any order")
    .option("--exchange <exchange>", "of this one only, like NFO")
    .option("--limit <count>", "at most so many, 100 at most; left out: 20")
    .addHelpText("after", examples(["stratctl instruments search nifty 24500 ce"], ["stratctl instruments search fut aug reliance --json"]))
    .action(act((deps, given) => runSearch(deps, { words: given.all, exchange: given.text("exchange"), limit: given.text("limit") })));
}

export async function runImport(deps: Deps, options: { file: string; day: string | undefined }): Promise<void> {
  const [{ dayTyped }, { builtinCalendar, importInstruments }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
  ]);
  const day = options.day === undefined ? undefined : dayTyped(options.day, builtinCalendar(), deps.now());
  const { url } = await deps.settings();
  const done = await importInstruments(options.file, { url, day, signal: deps.signal });
  const { importedView, refusedLines } = await import("../views/instruments.ts");
  deps.screen.note(refusedLines(done));
  const { refused: _lines, ...counts } = done;
  await deliver(deps, { data: done, rows: [counts], fields: IMPORTED_FIELDS, view: () => importedView(done) });
}

export async function runSearch(
  deps: Deps,
  { words, exchange, limit }: { words: readonly string[]; exchange: string | undefined; limit: string | undefined },
): Promise<void> {
  const api = await deps.connect();
  const found = await api.instruments.search({ q: words.join(" "), exchange, limit }, { signal: deps.signal });
  const { listingList } = await import("../views/instruments.ts");
  await deliver(deps, { data: found, rows: found, fields: LISTING_FIELDS, view: (view) => listingList(found, view) });
}
