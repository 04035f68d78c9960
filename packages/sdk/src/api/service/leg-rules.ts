import { HINTS, StratctlError } from "../../errors.ts";
import { dayOf, lastSession } from "../../market/calendar.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { parseInstrument, withExchange, type Instrument } from "../../market/instrument.ts";
import { lotSize } from "../../market/lots.ts";
import type { Leg } from "../../model/leg.ts";
import type { Db } from "../../store/db.ts";
import * as legs from "../../store/leg.ts";
import * as strategies from "../../store/strategy.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import type { Context } from "./context.ts";
import { quoteNow } from "./quotes.ts";

export function refuseArchived({ status, name }: KeptStrategy, what: string): void {
  if (status === "archived") throw new StratctlError("strategy_archived", `"${name}" is archived and ${what}`);
}

/** The same, for as long as a transaction that writes legs takes: nobody archives one of them meanwhile. */
export async function holdActive(db: Db, kept: readonly KeptStrategy[], what: string): Promise<void> {
  const archived = await strategies.holdActive(
    db,
    kept.map(({ strategy_id }) => strategy_id),
  );
  const strategy = kept.find(({ strategy_id }) => archived.includes(strategy_id));
  if (strategy !== undefined) refuseArchived({ ...strategy, status: "archived" }, what);
}

export function instrumentOf({ exchange, tradingsymbol }: { exchange?: string | undefined; tradingsymbol: string }): Instrument {
  if (exchange === undefined) return parseInstrument(withExchange(tradingsymbol));
  const instrument = parseInstrument(tradingsymbol.includes(":") ? tradingsymbol : `${exchange}:${tradingsymbol}`);
  if (instrument.exchange === exchange) return instrument;
  throw new StratctlError("instrument_invalid", `${instrument.instrument} is not of the exchange ${exchange}`, {
    hint: "give the exchange once: in the symbol, or beside it",
  });
}

export function knownLot({ lots }: Context, { name, expiry, month }: Instrument): number | null {
  const known = expiry ?? month;
  return known === null ? null : lotSize(lots, { underlying: name, contract: known });
}

type Priced = Pick<Leg, "instrument" | "exchange" | "tradingsymbol" | "instrument_token" | "expiry">;

/**
 * The current quote of an instrument, or quote_missing: a price to enter or leave at is never made up. A contract that expired
 * has none, and a quote of before the last session is not current.
 */
export async function priceNow(
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

export async function notOpen({ database }: Context, key: legs.LegKey, what: string): Promise<never> {
  const leg = await legs.find(database, key);
  if (leg === null)
    throw new StratctlError("leg_unknown", `no leg ${key.instrument_id} in strategy ${key.strategy_id}`, {
      hint: HINTS.legs.call,
      details: { strategy_id: key.strategy_id, instrument_id: key.instrument_id },
    });
  throw new StratctlError("leg_closed", `leg ${leg.id} (${leg.instrument}) is closed and cannot be ${what}`);
}
