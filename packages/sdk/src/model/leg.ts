import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day, Instant } from "./instant.ts";
import { Money, Price } from "./money.ts";
import { Id, Strategy } from "./strategy.ts";

export const Direction = z.enum(["BUY", "SELL"]);
export type Direction = z.infer<typeof Direction>;

/** BUY = −1 (cash out), SELL = +1 (cash in). */
export function signOf(direction: Direction): 1 | -1 {
  return direction === "SELL" ? 1 : -1;
}

export const InstrumentType = z.enum(["CE", "PE", "FUT", "EQ"]);
export type InstrumentType = z.infer<typeof InstrumentType>;

/** A positive whole number of units, never of lots. */
export const Quantity = z
  .number({ error: "is not a number" })
  .refine((quantity) => Number.isInteger(quantity) && quantity > 0 && quantity <= 2_147_483_647, {
    error: "must be a whole number above 0",
  });

const DirectionInput = z
  .string()
  .transform((text) => text.trim().toUpperCase())
  .pipe(z.enum(["BUY", "SELL"], { error: "must be BUY or SELL" }));

/** One instrument in a strategy. Prices in rupees a unit, quantity in units. */
export const Leg = z.object({
  id: z.int(),
  strategy_id: z.int(),
  /** `NFO:NIFTY25N0424500CE`: exchange and tradingsymbol. */
  instrument: z.string(),
  exchange: z.string(),
  tradingsymbol: z.string(),
  instrument_token: z.int().nullable(),
  /** Null where neither the symbol nor anybody told. */
  instrument_type: InstrumentType.nullable(),
  strike: Money.nullable(),
  expiry: Day.nullable(),
  underlying_symbol: z.string().nullable(),
  direction: Direction,
  quantity: z.int(),
  /** The lot at entry, for display: it never enters a sum. */
  lot_size: z.int().nullable(),
  entry_price: Price,
  /** What the quantity cost at entry: entry_price × quantity. */
  cost: Money,
  /** Null while the leg is open. 0 is a price to leave at: an option may expire worthless. */
  exit_price: Money.nullable(),
  closed_at: Instant.nullable(),
  /** What the quantity was left at: exit_price × quantity, but for a leg that was moved at its cost. */
  exit_value: Money.nullable(),
  /** `fill`: a trade; `settlement`: by the exchange at expiry; `move`: to another strategy, nothing realized. Null while open. */
  closed_by: z.enum(["fill", "settlement", "move"]).nullable(),
  /** Fixed by the first part that is closed: `average` or `fifo`. */
  cost_method: z.enum(["average", "fifo"]).nullable(),
  /** Of a part that was closed: the leg it was part of. */
  part_of: z.int().nullable(),
  /** The last price kept for the instrument, and what the leg gained at it; a closed leg has neither price nor age. */
  current_price: Money.nullable(),
  current_price_at: Instant.nullable(),
  /** (entry − current) × quantity × direction while open, (entry − exit) × quantity × direction once closed. */
  current_pnl: Money.nullable(),
  notes: z.string().nullable(),
  added_at: Instant,
  updated_at: Instant,
});
export type Leg = z.infer<typeof Leg>;

/** What an open leg's expiry asks of somebody. */
export const LegNotice = z.object({
  /** `delivery_due`: shares will be due unless it is closed; `settlement_due`: it is over, and waits for its settlement. */
  code: z.enum(["delivery_due", "settlement_due"]),
  strategy_id: z.int(),
  leg_id: z.int(),
  instrument: z.string(),
  expiry: Day,
  /** One readable line. */
  message: z.string(),
});
export type LegNotice = z.infer<typeof LegNotice>;

/** A strategy, with what its legs' expiries ask of somebody, and its legs where they were asked for. */
export const StrategyWithLegs = Strategy.extend({ notices: z.array(LegNotice), legs: z.array(Leg).optional() });
export type StrategyWithLegs = z.infer<typeof StrategyWithLegs>;

const Notes = z.string().trim().max(2000);

export const LegAdd = z
  .strictObject({
    account_id: AccountId.optional(),
    strategy_id: Id,
    /** With its exchange (`NFO:NIFTY25N0424500CE`), or a bare F&O symbol whose exchange follows from its name. */
    tradingsymbol: z.string().trim().min(1),
    exchange: z.string().trim().toUpperCase().optional(),
    direction: DirectionInput,
    /** Units. Give this or `lots`. */
    quantity: Quantity.optional(),
    /** Lots of `lot_size`, or of the exchange's lot for the contract's month. */
    lots: Quantity.optional(),
    lot_size: Quantity.optional(),
    /** Left out: the current quote. */
    entry_price: Price.optional(),
    notes: Notes.optional(),
    /** What would be a warning is an error instead, and nothing is added. */
    strict: z.boolean().optional(),
  })
  .refine((leg) => leg.quantity !== undefined || leg.lots !== undefined, { error: "is missing: give units, or lots", path: ["quantity"] })
  .refine((leg) => leg.quantity === undefined || leg.lots === undefined, { error: "must be left out beside quantity", path: ["lots"] });
export type LegAdd = z.input<typeof LegAdd>;

/** What looks wrong with a leg by what its exchange lists. */
export const LegWarning = z.object({
  code: z.enum(["instrument_unknown", "price_off_tick", "quantity_off_lot"]),
  /** One readable line. */
  message: z.string(),
});
export type LegWarning = z.infer<typeof LegWarning>;

/** A leg as it was added; warnings where there are any. */
export const LegAdded = Leg.extend({ warnings: z.array(LegWarning).optional() });
export type LegAdded = z.infer<typeof LegAdded>;

const LegKey = { account_id: AccountId.optional(), strategy_id: Id, instrument_id: Id };

export const LegUpdate = z.strictObject({
  ...LegKey,
  quantity: Quantity.optional(),
  lot_size: Quantity.nullable().optional(),
  entry_price: Price.optional(),
  notes: Notes.nullable().optional(),
});
export type LegUpdate = z.input<typeof LegUpdate>;

export const LegClose = z.strictObject({
  ...LegKey,
  /** Units; left out: all of it. */
  quantity: Quantity.optional(),
  /** Left out: the current quote. */
  exit_price: Money.refine((price) => price >= 0, { error: "must not be below 0" }).optional(),
  /** Which cost a part has; average unless said or fixed by a part before. */
  cost_method: z.enum(["average", "fifo"]).optional(),
});
export type LegClose = z.input<typeof LegClose>;

export const LegRemove = z.strictObject(LegKey);
export type LegRemove = z.input<typeof LegRemove>;
