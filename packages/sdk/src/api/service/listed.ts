import { HINTS, StratctlError } from "../../errors.ts";
import { withExchange } from "../../market/instrument.ts";
import type { LegWarning } from "../../model/leg.ts";
import type { Listing } from "../../model/listing.ts";
import { unitsOf } from "../../model/money.ts";
import * as listings from "../../store/listing.ts";
import type { LegRow } from "../../store/leg.ts";
import type { Context } from "./context.ts";
import { instrumentOf, knownLot } from "./leg-rules.ts";

interface Named {
  readonly exchange?: string | undefined;
  /** Its exchange may stand before it. */
  readonly tradingsymbol: string;
}

/** What a leg is of, as its row has it. */
export interface LegContract extends Required<
  Pick<LegRow, "exchange" | "tradingsymbol" | "instrument_type" | "strike" | "underlying_symbol">
> {
  readonly instrument: string;
  readonly instrument_token: number | null;
  readonly expiry: string | null;
  /** The lot now; null where it is not known. */
  readonly lot_size: number | null;
  /** Null where no dump had it. */
  readonly listing: Listing | null;
}

/** An instrument by what its exchange lists; where that is not known, by what its symbol tells. Rejects with instrument_invalid. */
export async function contractOf(context: Context, named: Named): Promise<LegContract> {
  const listing = await listingOf(context, named);
  if (listing !== null) {
    const { instrument, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, name, lot_size } = listing;
    const underlying_symbol = instrument_type === "EQ" ? tradingsymbol : name;
    return { instrument, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, lot_size, listing };
  }
  const parsed = instrumentOf(named);
  const { instrument, exchange, tradingsymbol, instrument_type, strike, expiry, name } = parsed;
  const lot_size = knownLot(context, parsed);
  const told = { instrument_token: null, instrument_type, strike, expiry, underlying_symbol: name, lot_size };
  return { instrument, exchange, tradingsymbol, ...told, listing };
}

/**
 * The instrument as a dump had it, or null. A bare symbol is that of the one exchange that lists it, or of the one that its name
 * tells; else instrument_invalid names those that there are.
 */
export async function listingOf({ database }: Context, { exchange, tradingsymbol: text }: Named): Promise<Listing | null> {
  const given = text.trim().toUpperCase();
  const colon = given.indexOf(":");
  const tradingsymbol = given.slice(colon + 1);
  const of = exchange ?? (colon < 0 ? undefined : given.slice(0, colon));
  if (of !== undefined && colon >= 0 && given.slice(0, colon) !== of) return null; // refused by whoever reads the symbol
  if (of !== undefined) return listings.find(database, { exchange: of, tradingsymbol });
  const found = await listings.ofSymbol(database, { tradingsymbol });
  if (found.length <= 1) return found[0] ?? null;
  const usual = found.find(({ instrument }) => instrument === usualName(tradingsymbol));
  if (usual !== undefined) return usual;
  throw new StratctlError(
    "instrument_invalid",
    `${tradingsymbol} is listed as ${found.map(({ instrument }) => instrument).join(" and ")}`,
    {
      hint: "give it with its exchange",
      details: { instruments: found.map(({ instrument }) => instrument) },
    },
  );
}

function usualName(tradingsymbol: string): string | null {
  try {
    return withExchange(tradingsymbol);
  } catch {
    return null;
  }
}

/** What looks wrong with a leg by what its exchange lists; nothing where no dump of that exchange was imported. */
export async function warningsOf(
  { database }: Context,
  { instrument, exchange, listing }: LegContract,
  { quantity, entry_price }: { readonly quantity: number; readonly entry_price: number | undefined },
): Promise<LegWarning[]> {
  if (listing === null) {
    if (!(await listings.isKnown(database, { exchange }))) return [];
    return [{ code: "instrument_unknown", message: `no dump that was imported lists ${instrument}` }];
  }
  const { tick_size, lot_size } = listing;
  const warnings: LegWarning[] = [];
  if (tick_size !== null && entry_price !== undefined && unitsOf(entry_price) % unitsOf(tick_size) !== 0)
    warnings.push({
      code: "price_off_tick",
      message: `price ${entry_price} is not a multiple of the tick size ${tick_size} of ${instrument}`,
    });
  if (lot_size !== null && quantity % lot_size !== 0)
    warnings.push({ code: "quantity_off_lot", message: `quantity ${quantity} is not a multiple of the lot of ${instrument}, ${lot_size}` });
  return warnings;
}

/** The first of the warnings as an error; all of them in its details. */
export function refuseWarned(warnings: readonly LegWarning[]): void {
  const [first] = warnings;
  if (first === undefined) return;
  const is_unknown = first.code === "instrument_unknown";
  throw new StratctlError(is_unknown ? "instrument_unknown" : "input_invalid", first.message, {
    hint: is_unknown ? HINTS.instruments.call : "add it without strict to have it all the same",
    details: { warnings },
  });
}
