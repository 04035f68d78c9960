import type { Command } from "commander";
import type { Leg } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import type { LegDone } from "../views/legs.ts";
import { examples, type Act } from "./command.ts";
import { needed, neededStrategy } from "./missing.ts";

export const LEG_FIELDS = [
  "id",
  "direction",
  "quantity",
  "instrument",
  "entry_price",
  "current_price",
  "current_price_at",
  "current_pnl",
  "exit_price",
  "closed_at",
  "lot_size",
  "cost",
  "instrument_type",
  "strike",
  "expiry",
  "underlying_symbol",
  "exchange",
  "tradingsymbol",
  "instrument_token",
  "notes",
  "strategy_id",
  "added_at",
  "updated_at",
  "exit_value",
  "closed_by",
  "cost_method",
  "part_of",
] as const satisfies (keyof Leg)[];

const ADD = "stratctl leg add condor BUY 75 NIFTY2580724400PE   (or 1lot)";

export function addLeg(program: Command, act: Act): void {
  const leg = program.command("leg").description("legs: the instruments in a strategy");
  addAdd(leg, act);

  leg
    .command("list")
    .description("list a strategy's legs: open ones, then closed ones")
    .argument("[strategy]", "its id or its whole name")
    .addHelpText("after", examples(["stratctl leg list condor"], ["stratctl leg list condor --csv"]))
    .action(act((deps, given) => runList(deps, { strategy: given.argument(0) })));

  addUpdate(leg, act);

  leg
    .command("close")
    .description("close a leg or a part of it; its P&L is realized from the next minute on")
    .argument("[strategy]", "its id or its whole name")
    .argument("[leg]", "the leg's id, as leg list shows it")
    .argument("[quantity]", "units, like 75, or lots, like 1lot; left out: all of it")
    .option("--price <rupees>", "what it was left at; left out: the last quote")
    .option("--fifo", "a part costs what was entered first, not its share of all; for all parts of a leg")
    .addHelpText(
      "after",
      examples(
        ["stratctl leg close condor 21 --price 58.40"],
        ["stratctl leg close condor 21", "at the last quote"],
        ["stratctl leg close condor 21 1lot --price 60", "one lot of it"],
      ),
    )
    .action(
      act((deps, given) =>
        runClose(deps, {
          strategy: given.argument(0),
          leg: given.argument(1),
          quantity: given.argument(2),
          price: given.text("price"),
          fifo: given.isSet("fifo"),
        }),
      ),
    );

  leg
    .command("move")
    .description("move a leg or a part of it to another strategy, at the cost it has")
    .argument("[leg]", "the leg's id, as leg list shows it")
    .argument("[from]", "the strategy that has it")
    .argument("[to]", "the strategy that gets it")
    .argument("[quantity]", "units, like 75, or lots, like 1lot; left out: all of it")
    .addHelpText("after", examples(['stratctl leg move 21 "Default Strategy" condor'], ["stratctl leg move 21 condor hedge 75"]))
    .action(
      act((deps, given) =>
        runMove(deps, { leg: given.argument(0), strategy: given.argument(1), to: given.argument(2), quantity: given.argument(3) }),
      ),
    );

  leg
    .command("remove")
    .description("remove a leg entered by mistake; a closed leg is history and stays")
    .argument("[strategy]", "its id or its whole name")
    .argument("[leg]", "the leg's id, as leg list shows it")
    .addHelpText("after", examples(["stratctl leg remove condor 21"]))
    .action(act((deps, given) => runRemove(deps, { strategy: given.argument(0), leg: given.argument(1) })));
}

function addAdd(leg: Command, act: Act): void {
  leg
    .command("add")
    .description("add a leg to a strategy")
    .argument("[strategy]", "its id or its whole name")
    .argument("[direction]", "BUY or SELL")
    .argument("[quantity]", "units, like 75, or lots, like 2lots")
    .argument("[instrument]", "like NFO:NIFTY25N0424500CE; a bare F&O symbol gets its exchange")
    .allowExcessArguments() // "2 lots" as two words is one too many
    .option("--price <rupees>", "what it was entered at; left out: the last quote")
    .option("--lot-size <units>", "units in a lot, where stratctl does not know it")
    .option("--note <text>", "a note")
    .option("--strict", "refuse what would be a warning: an unknown symbol, a price off its tick, part of a lot")
    .addHelpText(
      "after",
      examples(
        ["stratctl leg add condor BUY 75 NIFTY2580724400PE --price 64.95"],
        ["stratctl leg add condor sell 2lots NFO:NIFTY2580724600PE", "two lots, at the last quote"],
        ["stratctl leg add condor", "asks for the rest"],
      ),
    )
    .action(
      act((deps, given) =>
        runAdd(deps, {
          words: given.all,
          price: given.text("price"),
          lotSize: given.text("lotSize"),
          note: given.text("note"),
          strict: given.isSet("strict") ? true : undefined,
        }),
      ),
    );
}

function addUpdate(leg: Command, act: Act): void {
  leg
    .command("update")
    .description("correct an open leg: change what is given and leave the rest")
    .argument("[strategy]", "its id or its whole name")
    .argument("[leg]", "the leg's id, as leg list shows it")
    .option("--quantity <quantity>", "units, like 75, or lots, like 2lots")
    .option("--price <rupees>", "what it was entered at")
    .option("--lot-size <units>", "units in a lot")
    .option("--note <text>", 'a note; "" for none')
    .addHelpText("after", examples(["stratctl leg update condor 21 --price 64.90 --note 'corrected'"]))
    .action(
      act((deps, given) =>
        runUpdate(deps, {
          strategy: given.argument(0),
          leg: given.argument(1),
          quantity: given.text("quantity"),
          price: given.text("price"),
          lotSize: given.text("lotSize"),
          note: given.text("note"),
        }),
      ),
    );
}

export interface AddOptions {
  /** Strategy, direction, quantity and instrument, as far as they were given. */
  readonly words: readonly string[];
  readonly price: string | undefined;
  readonly lotSize: string | undefined;
  readonly note: string | undefined;
  readonly strict?: true | undefined;
}

export async function runAdd(deps: Deps, options: AddOptions): Promise<void> {
  const typed = await import("../terminal/typed.ts");
  const complaint = typed.complaintOf;
  const given = await wordsOf(options.words);
  // What was typed is judged before anything is opened or asked.
  const entry_price =
    options.price === undefined ? undefined : typed.priceOf(options.price, { otherwise: "leave --price out to enter at the last quote" });
  const lot_size = options.lotSize === undefined ? undefined : typed.unitsOfLot(options.lotSize);
  if (given.quantity !== undefined) typed.quantityOf(given.quantity, `e.g. ${ADD}`);
  const { strategy_id } = await neededStrategy(deps, given.strategy, ADD);
  const direction = await needed(deps, given.direction, {
    name: "direction",
    usage: ADD,
    ask: (ask) => ask.choose({ message: "Direction", choices: ["BUY", "SELL"].map((value) => ({ name: value, value })) }),
  });
  const quantity = await needed(deps, given.quantity, {
    name: "quantity",
    usage: ADD,
    ask: (ask) => ask.text({ message: "Quantity (75, or 1lot)", check: (text) => complaint(() => typed.quantityOf(text)) }),
  });
  const { withExchange } = await import("@stratctl/sdk");
  const tradingsymbol = await needed(deps, given.instrument, {
    name: "instrument",
    usage: ADD,
    ask: (ask) => ask.text({ message: "Instrument", check: (text) => complaint(() => withExchange(text)) }),
  });
  const api = await deps.connect();
  const amount = typed.quantityOf(quantity, `e.g. ${ADD}`);
  const leg = await api.strategies.legs.add(
    { strategy_id, direction, tradingsymbol, ...amount, entry_price, lot_size, notes: options.note, strict: options.strict },
    { signal: deps.signal },
  );
  for (const { message } of leg.warnings ?? []) deps.screen.note(`warning: ${message}\n`);
  await deliverLeg(deps, leg, "Added");
}

/** What the words are: `2 lots` may be two of them. */
async function wordsOf(
  words: readonly string[],
): Promise<Record<"strategy" | "direction" | "quantity" | "instrument", string | undefined>> {
  const [strategy, direction, count, ...rest] = words;
  const isLots = count !== undefined && /^lots?$/i.test(rest[0] ?? "");
  const [instrument, ...excess] = isLots ? rest.slice(1) : rest;
  if (excess.length === 0) return { strategy, direction, quantity: isLots ? `${count} lots` : count, instrument };
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", `too many arguments: ${excess.join(" ")}`, { hint: `e.g. ${ADD}` });
}

export async function runList(deps: Deps, options: { strategy: string | undefined }): Promise<void> {
  const strategy = await neededStrategy(deps, options.strategy, "stratctl leg list condor");
  const api = await deps.connect();
  const legs = await api.strategies.legs.list({ strategy_id: strategy.strategy_id }, { signal: deps.signal });
  const { legList } = await import("../views/legs.ts");
  await deliver(deps, { data: legs, rows: legs, fields: LEG_FIELDS, view: (view) => legList(strategy, legs, view) });
}

export interface UpdateOptions {
  readonly strategy: string | undefined;
  readonly leg: string | undefined;
  readonly quantity: string | undefined;
  readonly price: string | undefined;
  readonly lotSize: string | undefined;
  readonly note: string | undefined;
}

export async function runUpdate(deps: Deps, options: UpdateOptions): Promise<void> {
  const { priceOf, quantityOf, unitsOfLot } = await import("../terminal/typed.ts");
  const amount = options.quantity === undefined ? undefined : quantityOf(options.quantity);
  const entry_price = options.price === undefined ? undefined : priceOf(options.price);
  const lot_size = options.lotSize === undefined ? undefined : unitsOfLot(options.lotSize);
  const notes = options.note === "" ? null : options.note;
  const { StratctlError } = await import("@stratctl/sdk");
  if (amount === undefined && entry_price === undefined && lot_size === undefined && notes === undefined)
    throw new StratctlError("input_invalid", "nothing to change was given", { hint: "e.g. stratctl leg update condor 21 --price 64.90" });
  const key = await neededLeg(deps, options, "stratctl leg update condor 21 --price 64.90");
  const quantity = amount === undefined ? undefined : await unitsFor(deps, key, amount, lot_size);
  const api = await deps.connect();
  const leg = await api.strategies.legs.update({ ...key, quantity, entry_price, lot_size, notes }, { signal: deps.signal });
  await deliverLeg(deps, leg, "Updated");
}

export interface CloseOptions {
  readonly strategy: string | undefined;
  readonly leg: string | undefined;
  readonly quantity: string | undefined;
  readonly price: string | undefined;
  readonly fifo: boolean;
}

export async function runClose(deps: Deps, options: CloseOptions): Promise<void> {
  const { exitPriceOf, quantityOf } = await import("../terminal/typed.ts");
  const exit_price = options.price === undefined ? undefined : exitPriceOf(options.price);
  const amount = options.quantity === undefined ? undefined : quantityOf(options.quantity);
  const key = await neededLeg(deps, options, "stratctl leg close condor 21 --price 58.40");
  const quantity = amount === undefined ? undefined : await unitsFor(deps, key, amount, undefined);
  const api = await deps.connect();
  const cost_method = options.fifo ? "fifo" : undefined;
  await deliverLeg(deps, await api.strategies.legs.close({ ...key, quantity, exit_price, cost_method }, { signal: deps.signal }), "Closed");
}

export interface MoveOptions {
  readonly strategy: string | undefined;
  readonly leg: string | undefined;
  readonly to: string | undefined;
  readonly quantity: string | undefined;
}

export async function runMove(deps: Deps, options: MoveOptions): Promise<void> {
  const usage = 'stratctl leg move 21 "Default Strategy" condor';
  const { quantityOf } = await import("../terminal/typed.ts");
  const amount = options.quantity === undefined ? undefined : quantityOf(options.quantity);
  const key = await neededLeg(deps, options, usage);
  const quantity = amount === undefined ? undefined : await unitsFor(deps, key, amount, undefined);
  const to = await neededStrategy(deps, options.to, usage);
  const api = await deps.connect();
  const leg = await api.strategies.legs.move({ ...key, to_strategy_id: to.strategy_id, quantity }, { signal: deps.signal });
  await deliverLeg(deps, leg, "Moved");
}

export async function runRemove(deps: Deps, options: { strategy: string | undefined; leg: string | undefined }): Promise<void> {
  const key = await neededLeg(deps, options, "stratctl leg remove condor 21");
  const api = await deps.connect();
  await deliverLeg(deps, await api.strategies.legs.remove(key, { signal: deps.signal }), "Removed");
}

interface LegKey {
  readonly strategy_id: number;
  readonly instrument_id: number;
}

async function neededLeg(deps: Deps, options: { strategy: string | undefined; leg: string | undefined }, usage: string): Promise<LegKey> {
  const { StratctlError } = await import("@stratctl/sdk");
  if (options.leg !== undefined && !/^[1-9]\d{0,9}$/.test(options.leg))
    throw new StratctlError("input_invalid", `leg must be an id, like 21, not ${JSON.stringify(options.leg)}`, {
      hint: `stratctl leg list ${options.strategy ?? "condor"} shows them`,
    });
  const { strategy_id } = await neededStrategy(deps, options.strategy, usage);
  const leg = await needed(deps, options.leg, {
    name: "leg",
    usage,
    ask: async (ask) => {
      const api = await deps.connect();
      const legs = await api.strategies.legs.list({ strategy_id }, { signal: deps.signal });
      const open = legs.filter(({ closed_at }) => closed_at === null);
      if (open.length === 0) throw new StratctlError("leg_unknown", `strategy ${strategy_id} has no open legs`);
      const { legLine } = await import("../views/legs.ts");
      return ask.choose({ message: "Leg", choices: open.map((one) => ({ name: `${one.id}  ${legLine(one)}`, value: String(one.id) })) });
    },
  });
  return { strategy_id, instrument_id: Number(leg) };
}

/** Units of a corrected quantity; lots are those of the leg unless a lot size comes with them. */
async function unitsFor(
  deps: Deps,
  key: LegKey,
  amount: { quantity: number } | { lots: number },
  lot_size: number | undefined,
): Promise<number> {
  if ("quantity" in amount) return amount.quantity;
  const api = await deps.connect();
  const legs = await api.strategies.legs.list({ strategy_id: key.strategy_id }, { signal: deps.signal });
  const leg = legs.find(({ id }) => id === key.instrument_id);
  const lot = lot_size ?? leg?.lot_size ?? null;
  if (lot !== null) return amount.lots * lot;
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("lot_size_unknown", `the lot size of leg ${key.instrument_id} is not known`, {
    hint: "give the quantity in units, or the lot size: --lot-size 75",
  });
}

async function deliverLeg(deps: Deps, leg: Leg, done: LegDone): Promise<void> {
  const { legDone } = await import("../views/legs.ts");
  await deliver(deps, { data: leg, rows: [leg], fields: LEG_FIELDS, view: (options) => legDone(leg, done, options) });
}
