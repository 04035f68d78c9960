import type { z } from "zod";
import { HINTS, StratctlError } from "../../errors.ts";
import { dayOf, lastSession } from "../../market/calendar.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { parseInstrument, withExchange, type Instrument } from "../../market/instrument.ts";
import { lotSize } from "../../market/lots.ts";
import { entryValueUnits } from "../../m2m/pnl.ts";
import type { Leg, LegAdd } from "../../model/leg.ts";
import { MONEY_MAX } from "../../model/money.ts";
import type { Strategy } from "../../model/strategy.ts";
import * as legs from "../../store/leg.ts";
import { contract, type Api } from "../contract.ts";
import { strategyOf } from "./access.ts";
import { adding } from "./adding.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { quoteNow } from "./quotes.ts";

export function legCalls(context: Context): Api["strategies"]["legs"] {
  const { database } = context;
  const routes = contract.strategies.legs;
  return {
    add: adding(context, routes.add, {
      access: (input) => strategyOf(context, input),
      work: async (input, { signal, write }, strategy) => {
        const leg = await entered(context, { input, strategy, signal });
        return write((db) => legs.insert(db, leg));
      },
    }),
    list: call(context, routes.list, async (key) => legs.list(database, { strategy_id: (await strategyOf(context, key)).strategy_id })),
    update: call(context, routes.update, async (change) => {
      refuseArchived(await strategyOf(context, change), "changes no leg");
      return (await legs.update(database, change)) ?? notOpen(context, change, "changed");
    }),
    close: adding(context, routes.close, {
      access: (key) => strategyOf(context, key),
      work: async (key, { signal, write }, strategy) => {
        refuseArchived(strategy, "closes no leg");
        const leg = await legs.find(database, key);
        if (leg === null || leg.closed_at !== null) return notOpen(context, key, "closed again");
        const exit_price = key.exit_price ?? (await priceNow(context, leg, { purpose: "leave", signal }));
        return write(async (db) => (await legs.close(db, { ...key, exit_price })) ?? notOpen(context, key, "closed again"));
      },
    }),
    remove: call(context, routes.remove, async (key) => {
      refuseArchived(await strategyOf(context, key), "removes no leg");
      return (await legs.remove(database, key)) ?? notOpen(context, key, "removed");
    }),
  };
}

interface Entering {
  readonly input: z.output<typeof LegAdd>;
  readonly strategy: Strategy;
  readonly signal: AbortSignal | undefined;
}

/** The leg as it is written: its instrument known, its quantity in units, its price the one given or the current quote. */
async function entered(context: Context, { input, strategy, signal }: Entering): Promise<legs.LegRow> {
  refuseArchived(strategy, "takes no leg");
  const instrument = instrumentOf(input);
  const lot = input.lot_size ?? knownLot(context, instrument);
  const quantity = input.quantity ?? unitsOfLots(input.lots, lot, instrument);
  const entry_price =
    input.entry_price ?? (await priceNow(context, { ...instrument, instrument_token: null }, { purpose: "enter", signal }));
  await refuseTooLarge(context, strategy, { quantity, entry_price });
  return {
    strategy_id: strategy.strategy_id,
    exchange: instrument.exchange,
    tradingsymbol: instrument.tradingsymbol,
    instrument_type: instrument.instrument_type,
    strike: instrument.strike,
    expiry: instrument.expiry,
    underlying_symbol: instrument.name,
    direction: input.direction,
    quantity,
    lot_size: lot,
    entry_price,
    notes: input.notes,
  };
}

function refuseArchived({ status, name }: Strategy, what: string): void {
  if (status === "archived") throw new StratctlError("strategy_archived", `"${name}" is archived and ${what}`);
}

function instrumentOf({ exchange, tradingsymbol }: { exchange?: string | undefined; tradingsymbol: string }): Instrument {
  if (exchange === undefined) return parseInstrument(withExchange(tradingsymbol));
  const instrument = parseInstrument(tradingsymbol.includes(":") ? tradingsymbol : `${exchange}:${tradingsymbol}`);
  if (instrument.exchange === exchange) return instrument;
  throw new StratctlError("instrument_invalid", `${instrument.instrument} is not of the exchange ${exchange}`, {
    hint: "give the exchange once: in the symbol, or beside it",
  });
}

function knownLot({ lots }: Context, { name, expiry, month }: Instrument): number | null {
  const known = expiry ?? month;
  return known === null ? null : lotSize(lots, { underlying: name, contract: known });
}

function unitsOfLots(count: number | undefined, lot: number | null, { instrument }: Instrument): number {
  if (count === undefined || lot === null)
    throw new StratctlError("lot_size_unknown", `the lot size of ${instrument} is not known`, {
      hint: HINTS.lot_size.call,
    });
  const quantity = count * lot;
  if (quantity <= 2_147_483_647) return quantity;
  throw new StratctlError("input_invalid", `lots ${count} of ${lot} are more units than a leg can have`);
}

/** What a strategy's open legs cost together stays within what money can be, or no sum over them could be told. */
async function refuseTooLarge({ database }: Context, strategy: Strategy, leg: { quantity: number; entry_price: number }): Promise<void> {
  const open = (await legs.list(database, strategy)).filter(({ closed_at }) => closed_at === null);
  if (open.length === 0) return; // the leg alone is the table's to refuse
  const bought = [...open, leg].map(({ quantity, entry_price }) => ({ direction: "BUY" as const, quantity, entry_price }));
  if (entryValueUnits(bought) !== null) return;
  throw new StratctlError("money_too_large", `the legs of "${strategy.name}" would cost more than ${MONEY_MAX} rupees together`);
}

type Priced = Pick<Leg, "instrument" | "exchange" | "tradingsymbol" | "instrument_token" | "expiry">;

/**
 * The current quote of an instrument, or quote_missing: a price to enter or leave at is never made up. A contract that expired
 * has none, and a quote of before the last session is not current.
 */
async function priceNow(
  context: Context,
  instrument: Priced,
  { purpose, signal }: { purpose: "enter" | "leave"; signal: AbortSignal | undefined },
): Promise<number> {
  const { calendar } = context;
  const none = (why: string): StratctlError =>
    new StratctlError("quote_missing", `no price to ${purpose} ${instrument.instrument} at (${why})`, {
      hint: HINTS[purpose === "enter" ? "entry_price" : "exit_price"].call,
    });
  const last_day = lastDayOf(calendar, instrument);
  if (last_day !== null && last_day < dayOf(calendar, context.now())) throw none(`expired ${last_day}`);
  const { price, at, reason } = await quoteNow(context, instrument, signal);
  if (price === null || at === null) throw none(reason ?? "no source was asked");
  const session = lastSession(calendar, instrument.exchange, context.now());
  if (session !== null && Date.parse(at) < session.open_ms) throw none(`last traded ${at}, before the session of ${session.day}`);
  return price;
}

async function notOpen({ database }: Context, key: legs.LegKey, what: string): Promise<never> {
  const leg = await legs.find(database, key);
  if (leg === null)
    throw new StratctlError("leg_unknown", `no leg ${key.instrument_id} in strategy ${key.strategy_id}`, {
      hint: HINTS.legs.call,
      details: { strategy_id: key.strategy_id, instrument_id: key.instrument_id },
    });
  throw new StratctlError("leg_closed", `leg ${leg.id} (${leg.instrument}) is closed and cannot be ${what}`);
}
