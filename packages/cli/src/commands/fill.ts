import type { Command } from "commander";
import type { Fill } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { needed, neededStrategy } from "./missing.ts";

const FIELDS = [
  "id",
  "at",
  "side",
  "quantity",
  "instrument",
  "price",
  "value",
  "realized_pnl",
  "source",
  "cost_method",
  "external_id",
  "leg_id",
  "strategy_id",
] as const satisfies (keyof Fill)[];

const ADD = "stratctl fill add condor SELL 75 NIFTY2580724400PE --price 58.40";

export function addFill(program: Command, act: Act): void {
  const fill = program.command("fill").description("fills: each entry and exit, one by one");

  fill
    .command("list")
    .description("list a strategy's fills in the order of time")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl fill list condor"], ["stratctl fill list condor --csv > fills.csv"]))
    .action(act((deps, given) => runList(deps, { strategy: given.argument(0) })));

  fill
    .command("add")
    .description("record a trade: it closes what is held on the other side, or adds, or opens")
    .argument("[strategy]", "its id or its whole name")
    .argument("[side]", "BUY or SELL")
    .argument("[quantity]", "units, like 75")
    .argument("[instrument]", "like NFO:NIFTY25N0424500CE; a bare F&O symbol gets its exchange")
    .option("--price <rupees>", "what it was done at")
    .option("--at <time>", "when, like 10:30 or 2025-07-31T10:30:00+05:30; left out: now")
    .option("--id <id>", "the broker's trade id: the same one again changes nothing")
    .option("--strict", "refuse what would be a warning: an unknown symbol, a price off its tick, part of a lot")
    .option("--fifo", "an exit costs what was entered first, not its share of all")
    .addHelpText("after", examples([ADD], ["stratctl fill add condor BUY 150 NIFTY2580724400PE --price 60 --id T81"]))
    .action(
      act((deps, given) =>
        runAdd(deps, {
          words: given.all,
          price: given.text("price"),
          at: given.text("at"),
          external_id: given.text("id"),
          fifo: given.isSet("fifo"),
          strict: given.isSet("strict"),
        }),
      ),
    );
}

export async function runList(deps: Deps, options: { strategy: string | undefined }): Promise<void> {
  const strategy = await neededStrategy(deps, options.strategy, "stratctl fill list condor");
  const api = await deps.connect();
  const fills = await api.strategies.fills.list({ strategy_id: strategy.strategy_id }, { signal: deps.signal });
  const { fillList } = await import("../views/fills.ts");
  await deliver(deps, { data: fills, rows: fills, fields: FIELDS, view: (view) => fillList(strategy, fills, view) });
}

export interface FillOptions {
  /** Strategy, side, quantity and instrument, as far as they were given. */
  readonly words: readonly string[];
  readonly price: string | undefined;
  readonly at: string | undefined;
  readonly external_id: string | undefined;
  readonly fifo: boolean;
  readonly strict: boolean;
}

export async function runAdd(deps: Deps, options: FillOptions): Promise<void> {
  const [{ instantOf, priceOf, quantityOf }, { builtinCalendar, dayOf, StratctlError }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
  ]);
  const [named, side, units, tradingsymbol] = options.words;
  const missing = async (name: string, given: string | undefined): Promise<string> =>
    needed(deps, given, { name, usage: ADD, ask: (ask) => ask.text({ message: name }) });
  const price = priceOf(await missing("price", options.price));
  const amount = quantityOf(await missing("quantity", units), `e.g. ${ADD}`);
  if (!("quantity" in amount)) throw new StratctlError("input_invalid", "quantity of a fill is in units", { hint: `e.g. ${ADD}` });
  const calendar = builtinCalendar();
  const at =
    options.at === undefined
      ? undefined
      : instantOf(options.at, { name: "--at", day: dayOf(calendar, deps.now()), calendar, edge: "from" });
  const trade = {
    side: await missing("side", side),
    tradingsymbol: await missing("instrument", tradingsymbol),
    ...amount,
    price,
    at,
    external_id: options.external_id,
    cost_method: options.fifo ? ("fifo" as const) : undefined,
    strict: options.strict ? true : undefined,
  };
  const { strategy_id } = await neededStrategy(deps, named, ADD);
  const api = await deps.connect();
  const added = await api.strategies.fills.add({ strategy_id, ...trade }, { signal: deps.signal });
  for (const { message } of added.warnings ?? []) deps.screen.note(`warning: ${message}\n`);
  const { fillLines } = await import("../views/fills.ts");
  await deliver(deps, { data: added, rows: added.fills, fields: FIELDS, view: (view) => fillLines(added.fills, view) });
}
