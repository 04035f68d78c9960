import { z } from "zod";
import { Day } from "./instant.ts";
import { InstrumentType } from "./leg.ts";
import { Money } from "./money.ts";

/** An instrument as an exchange lists it, by the newest dump that had it; what has expired since is kept. */
export const Listing = z.object({
  /** `NFO:NIFTY25N0424500CE`: exchange and tradingsymbol. */
  instrument: z.string(),
  exchange: z.string(),
  tradingsymbol: z.string(),
  /** The broker's number; after an expiry it may come back as another instrument's. */
  instrument_token: z.int(),
  /** The exchange's number. */
  exchange_token: z.int().nullable(),
  /** The underlying of a contract (`NIFTY`), the company of a share. */
  name: z.string().nullable(),
  instrument_type: InstrumentType,
  /** Rupees; null unless an option. */
  strike: Money.nullable(),
  expiry: Day.nullable(),
  /** Rupees: a price is a multiple of it. Null where nothing is traded, as an index. */
  tick_size: Money.nullable(),
  /** Units in one lot now; a leg keeps the one it was entered with. */
  lot_size: z.int().nullable(),
  segment: z.string().nullable(),
  /** The day of the newest dump that had it. */
  seen_on: Day,
});
export type Listing = z.infer<typeof Listing>;

const Exchange = z.string().trim().toUpperCase().min(1).max(10);

export const ListingSearch = z.strictObject({
  /** Words in any order: of the name or the symbol its beginning, a strike, CE, PE, FUT or EQ, a month (AUG, 26AUG), an expiry. */
  q: z.string().trim().min(1).max(100),
  exchange: Exchange.optional(),
  limit: z.coerce.number<number | string>().int().min(1).max(100).default(20),
});
export type ListingSearch = z.input<typeof ListingSearch>;

export const ListingGet = z.strictObject({
  /** With its exchange, or a bare symbol where one exchange alone has it. */
  instrument: z.string().trim().min(1).max(64),
});
export type ListingGet = z.input<typeof ListingGet>;
