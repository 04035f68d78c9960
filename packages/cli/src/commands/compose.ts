import { StratctlError, type Stratctl } from "@stratctl/sdk";
import { parseInstrument, withExchange } from "@stratctl/sdk";
import { formatUnits, unitsOf } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { ageText, clean, counted, joined, priceText } from "../terminal/format.ts";
import { dayText } from "../terminal/moment.ts";
import type { Ask } from "../terminal/prompt.ts";
import { complaintOf, priceOf, quantityOf } from "../terminal/typed.ts";
import { entryValueText } from "../views/headline.ts";
import { totalOf } from "../views/sums.ts";
import type { CreateOptions } from "./strategy.ts";

interface LegTyped {
  readonly direction: string;
  readonly amount: { quantity: number } | { lots: number };
  readonly instrument: string;
  readonly entry_price: number;
}

/**
 * A strategy and its legs, asked for line by line. Nothing is written before the last answer, so that whoever leaves half
 * way leaves nothing behind.
 */
export async function composeStrategy(deps: Deps, ask: Ask, options: CreateOptions): Promise<void> {
  const { screen, signal } = deps;
  const api = await deps.connect();
  const name = await ask.text({ message: "Name", check: (text) => nameComplaint(api, text) });
  const tags = options.tags ?? splitTags(await ask.text({ message: "Tags (comma between)" }));
  const legs: LegTyped[] = [];
  for (;;) {
    const leg = await askLeg(deps, api, ask, legs.length);
    if (leg === null) break;
    legs.push(leg);
  }
  const strategy = await api.strategies.create({ name, tags, description: options.description, strategy_type: options.type }, { signal });
  const { strategy_id } = strategy;
  const added = [];
  for (const { direction, amount, instrument, entry_price } of legs)
    added.push(await api.strategies.legs.add({ strategy_id, direction, tradingsymbol: instrument, entry_price, ...amount }, { signal }));
  const entry_value = totalOf(added.map(({ direction, cost }) => (direction === "SELL" ? cost : -cost)));
  const value = added.length === 0 ? "" : `, ${entryValueText(entry_value)}`;
  screen.print(`Created ${strategy_id}  ${clean(strategy.name)}, ${counted(added.length, "leg")}${value}\n`);
}

/** A name is judged when it is typed, as far as that can be told before. */
async function nameComplaint(api: Stratctl, text: string): Promise<string | null> {
  if (text.trim() === "") return "a name is needed";
  if (/^\d+$/.test(text.trim())) return "is made of digits only, which would be an id; add a letter";
  try {
    const taken = await api.strategies.resolve({ strategy: text });
    return taken.status === "active" ? `there is a strategy "${taken.name}" already (${taken.strategy_id})` : null;
  } catch (error) {
    if (error instanceof StratctlError && (error.code === "strategy_unknown" || error.code === "strategy_ambiguous")) return null;
    throw error;
  }
}

const LEG = /^\s*(buy|sell)\s+(\d+(?:\s*lots?)?)\s+(\S.*?)\s*$/i;

async function askLeg(deps: Deps, api: Stratctl, ask: Ask, count: number): Promise<LegTyped | null> {
  const typed = await ask.text({
    message: `Add a leg${count === 0 ? ", like BUY 1lot NIFTY2580724400PE" : ""}  (Enter when done)`,
    check: legComplaint,
  });
  const match = LEG.exec(typed);
  if (match === null) return null;
  const [, direction = "", quantity = "", symbol = ""] = match;
  const instrument = withExchange(symbol);
  const { line, price } = await described(deps, api, instrument);
  deps.screen.note(`${line}\n`);
  const entered = await ask.text({
    message: "Entry price",
    initial: price === null ? undefined : formatUnits(unitsOf(price)),
    check: (text) => complaintOf(() => priceOf(text)),
  });
  return { direction, amount: quantityOf(quantity), instrument, entry_price: priceOf(entered) };
}

function legComplaint(text: string): string | null {
  if (text.trim() === "") return null;
  const match = LEG.exec(text);
  if (match === null) return "write a direction, a quantity and an instrument, like BUY 1lot NIFTY2580724400PE";
  return complaintOf(() => [quantityOf(match[2] ?? ""), withExchange(match[3] ?? "")]);
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
