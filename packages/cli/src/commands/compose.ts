import { builtinLots, lotSize, MONEY_MAX, parseInstrument, StrategyCreate, StratctlError, withExchange } from "@stratctl/sdk";
import type { Leg, Strategy, Stratctl } from "@stratctl/sdk";
import { formatUnits, parseInput, unitsOf } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { ageText, clean, counted, grouped, joined, priceText } from "../terminal/format.ts";
import { dayText } from "../terminal/moment.ts";
import type { Ask } from "../terminal/prompt.ts";
import { complaintOf, priceOf, quantityOf } from "../terminal/typed.ts";
import { entryValueText } from "../views/headline.ts";
import { totalOf } from "../views/sums.ts";
import type { CreateOptions } from "./strategy.ts";

interface LegTyped {
  readonly direction: string;
  readonly amount: { quantity: number } | { lots: number };
  /** The amount in units. */
  readonly units: number;
  readonly instrument: string;
  readonly entry_price: number;
}

/** What is half written when somebody stops it is still taken back. */
const GRACE_MS = 5_000;

/**
 * A strategy and its legs, asked for line by line. Nothing is written before the last answer, so that whoever leaves half
 * way leaves nothing behind; and what would be refused is asked again, since by then it is too late.
 */
export async function composeStrategy(deps: Deps, ask: Ask, options: CreateOptions): Promise<void> {
  const { screen, signal } = deps;
  const given = { tags: options.tags, description: options.description, strategy_type: options.type };
  parseInput(StrategyCreate.partial({ name: true }), given);
  const api = await deps.connect();
  await api.accounts.get({}, { signal }); // with none or several there is nothing to ask for
  const name = await ask.text({ message: "Name", check: (text) => nameComplaint(api, text) });
  const tags = options.tags ?? splitTags(await ask.text({ message: "Tags (comma between)", check: tagsComplaint }));
  const legs: LegTyped[] = [];
  for (;;) {
    const leg = await askLeg(deps, api, ask, legs);
    if (leg === null) break;
    legs.push(leg);
  }
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: false });
  const strategy = await api.strategies.create({ ...given, name, tags }, { signal });
  const added = await addAll(deps, api, strategy, legs);
  const entry_value = totalOf(added.map(({ direction, cost }) => (direction === "SELL" ? cost : -cost)));
  const value = added.length === 0 ? "" : `, ${entryValueText(entry_value)}`;
  screen.print(`Created ${strategy.strategy_id}  ${clean(strategy.name)}, ${counted(added.length, "leg")}${value}\n`);
}

/** All legs or none: where one is refused the strategy is taken back. */
async function addAll({ screen, signal }: Deps, api: Stratctl, strategy: Strategy, legs: readonly LegTyped[]): Promise<Leg[]> {
  const { strategy_id } = strategy;
  const added: Leg[] = [];
  try {
    for (const { direction, amount, instrument, entry_price } of legs)
      added.push(await api.strategies.legs.add({ strategy_id, direction, tradingsymbol: instrument, entry_price, ...amount }, { signal }));
    return added;
  } catch (error) {
    screen.note(`${await takenBack(api, strategy, added)}\n`);
    throw error;
  }
}

/** Takes a strategy back, whether or not somebody has stopped the command, and says what became of it. */
async function takenBack(api: Stratctl, { strategy_id, name }: Strategy, added: readonly Leg[]): Promise<string> {
  const which = `${clean(name)} (${strategy_id})`;
  let left = added.length;
  try {
    for (const { id } of added) {
      await api.strategies.legs.remove({ strategy_id, instrument_id: id });
      left -= 1;
    }
    await api.strategies.archive({ strategy_id });
    return `${which} was taken back: it is archived, without legs`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `${which} is there with ${counted(left, "leg")}, and could not be taken back: ${clean(why)}`;
  }
}

/** A name is judged when it is typed, as far as that can be told before. */
async function nameComplaint(api: Stratctl, text: string): Promise<string | null> {
  const complaint = complaintOf(() => parseInput(StrategyCreate, { name: text }));
  if (complaint !== null) return complaint;
  try {
    const taken = await api.strategies.resolve({ strategy: text });
    return taken.status === "active" ? `there is a strategy "${taken.name}" already (${taken.strategy_id})` : null;
  } catch (error) {
    if (error instanceof StratctlError && (error.code === "strategy_unknown" || error.code === "strategy_ambiguous")) return null;
    throw error;
  }
}

function tagsComplaint(text: string): string | null {
  return complaintOf(() => parseInput(StrategyCreate.pick({ tags: true }), { tags: splitTags(text) }));
}

const LEG = /^\s*(buy|sell)\s+(\d+(?:\s*lots?)?)\s+(\S.*?)\s*$/i;

async function askLeg(deps: Deps, api: Stratctl, ask: Ask, before: readonly LegTyped[]): Promise<LegTyped | null> {
  const typed = await ask.text({
    message: `Add a leg${before.length === 0 ? ", like BUY 1lot NIFTY2580724400PE" : ""}  (Enter when done)`,
    check: legComplaint,
  });
  const match = LEG.exec(typed);
  if (match === null) return null;
  const [, direction = "", quantity = "", symbol = ""] = match;
  const instrument = withExchange(symbol);
  const units = unitsTyped(quantity, instrument);
  const { line, price } = await described(deps, api, instrument);
  deps.screen.note(`${line}\n`);
  const entered = await ask.text({
    message: "Entry price",
    initial: price === null ? undefined : formatUnits(unitsOf(price)),
    check: (text) => complaintOf(() => refuseTooLarge([...before, { units, entry_price: priceOf(text) }])),
  });
  return { direction, amount: quantityOf(quantity), units, instrument, entry_price: priceOf(entered) };
}

function legComplaint(text: string): string | null {
  if (text.trim() === "") return null;
  const match = LEG.exec(text);
  if (match === null) return "write a direction, a quantity and an instrument, like BUY 1lot NIFTY2580724400PE";
  return complaintOf(() => unitsTyped(match[2] ?? "", withExchange(match[3] ?? "")));
}

/** Units of a quantity as typed. Lots are those of the contract's month; where they are not known, only units will do. */
function unitsTyped(text: string, instrument: string): number {
  const amount = quantityOf(text);
  if ("quantity" in amount) return amount.quantity;
  const { name, expiry, month } = parseInstrument(instrument);
  const lot = lotSize(builtinLots(), { underlying: name, contract: expiry ?? month ?? "" });
  if (lot === null)
    throw new StratctlError("lot_size_unknown", `the lot size of ${instrument} is not known`, {
      hint: "give the quantity in units, like BUY 75",
    });
  if (amount.lots * lot > QUANTITY_MAX)
    throw new StratctlError("input_invalid", `lots ${amount.lots} of ${lot} are more units than a leg can have`);
  return amount.lots * lot;
}

/** What a leg's quantity can be: Postgres' integer. */
const QUANTITY_MAX = 2_147_483_647;

/** What the legs cost together stays within what money can be. */
function refuseTooLarge(legs: readonly Pick<LegTyped, "units" | "entry_price">[]): void {
  const cost = legs.reduce((sum, { units, entry_price }) => sum + BigInt(unitsOf(entry_price)) * BigInt(units), 0n);
  if (cost > BigInt(unitsOf(MONEY_MAX)))
    throw new StratctlError("money_too_large", `the legs would cost more than ${grouped(String(MONEY_MAX))} rupees together`);
}

/** `NFO:NIFTY2580724400PE · put 24,400 · expires Thu 7 Aug 2025 · last 64.95 (1s)` */
async function described({ screen, signal }: Deps, api: Stratctl, instrument: string): Promise<{ line: string; price: number | null }> {
  const { instrument_type, strike, expiry, month } = parseInstrument(instrument);
  const [quote] = await api.quotes.get({ i: instrument }, { signal });
  const kind = { CE: "call", PE: "put", FUT: "future", EQ: "" }[instrument_type];
  const parts = [
    instrument,
    ...(kind === "" ? [] : [strike === null ? kind : `${kind} ${priceText(strike).replace(/\.00$/, "")}`]),
    ...(expiry === null ? (month === null ? [] : [`of ${month}`]) : [`expires ${dayText(expiry)}`]),
    quote === undefined || quote.price === null
      ? `no price (${clean(quote?.reason ?? "no source was asked")})`
      : `last ${priceText(quote.price)} (${ageText(quote.age_ms)})`,
  ];
  return { line: joined(parts, screen.width, "  "), price: quote?.price ?? null };
}

function splitTags(text: string): string[] {
  return text
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}
