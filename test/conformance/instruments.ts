import type { ListingRow } from "../../packages/sdk/src/store/listing.ts";
import * as listings from "../../packages/sdk/src/store/listing.ts";
import { refusal, type Step } from "./world.ts";

const FUTURE: ListingRow = {
  exchange: "MCX",
  tradingsymbol: "CRUDEOIL49NOVFUT",
  instrument_token: 77,
  exchange_token: null,
  name: "CRUDEOIL",
  instrument_type: "FUT",
  strike: null,
  expiry: "2049-11-18",
  tick_size: 1,
  lot_size: 100,
  segment: null,
};
const INSTRUMENT = "MCX:CRUDEOIL49NOVFUT";
const LISTED = { instrument: INSTRUMENT, instrument_token: 77, expiry: "2049-11-18", tick_size: 1, lot_size: 100, seen_on: "2049-11-01" };
const leg = { tradingsymbol: INSTRUMENT, direction: "BUY" as const, quantity: 100, entry_price: 6000 };
const fill = { tradingsymbol: INSTRUMENT, side: "BUY" as const, quantity: 100, price: 6000 };

/** What an exchange lists, of one that no other step has legs of. */
export const INSTRUMENTS: readonly Step[] = [
  {
    call: "instruments.search",
    what: "words in any order",
    run: async ({ api, database }) => {
      await listings.upsertMany(database, [FUTURE], { seen_on: "2049-11-01" });
      return api.instruments.search({ q: "fut crude", exchange: "mcx", limit: 5 });
    },
    tells: [LISTED],
  },
  {
    call: "instruments.search",
    what: "no words",
    run: ({ api }) => api.instruments.search({ q: " " }),
    tells: refusal("input_invalid", "q"),
  },
  {
    call: "instruments.search",
    what: "more than can be told",
    run: ({ api }) => api.instruments.search({ q: "fut", limit: 101 }),
    tells: refusal("input_invalid", "limit"),
  },
  {
    call: "instruments.get",
    what: "by its name",
    run: ({ api }) => api.instruments.get({ instrument: INSTRUMENT.toLowerCase() }),
    tells: LISTED,
  },
  {
    call: "instruments.get",
    what: "one with blanks and an ampersand in its name",
    run: ({ api }) => api.instruments.get({ instrument: "MCX:M&M A 1" }),
    tells: refusal("instrument_invalid", "M&M A 1"),
  },
  {
    call: "instruments.get",
    what: "one that no dump had",
    run: ({ api }) => api.instruments.get({ instrument: "MCX:CRUDEOIL49DECFUT" }),
    tells: refusal("instrument_unknown", "MCX:CRUDEOIL49DECFUT"),
  },
  {
    call: "strategies.create",
    what: "for instruments",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Listed" }),
    tells: { name: "Listed" },
    keep: "Listed",
  },
  {
    call: "strategies.legs.add",
    what: "with warnings, and again under one key",
    run: async ({ api }, id) => {
      const odd = { strategy_id: id("Listed"), ...leg, quantity: 50, entry_price: 6000.5 };
      const add = (): Promise<unknown> => api.strategies.legs.add(odd, { idempotency_key: "listed-1" });
      return [await add(), await add()];
    },
    tells: [1, 2].map(() => ({
      instrument_token: 77,
      lot_size: 100,
      warnings: [{ code: "price_off_tick" }, { code: "quantity_off_lot" }],
    })),
  },
  {
    call: "strategies.legs.add",
    what: "strictly",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("Listed"), ...leg, quantity: 50, strict: true }),
    tells: refusal("input_invalid", "lot"),
  },
  {
    call: "strategies.legs.add",
    what: "strictly, one that no dump had",
    run: ({ api }, id) =>
      api.strategies.legs.add({ strategy_id: id("Listed"), ...leg, tradingsymbol: "MCX:CRUDEOIL49DECFUT", strict: true }),
    tells: refusal("instrument_unknown", "MCX:CRUDEOIL49DECFUT"),
  },
  {
    call: "strategies.fills.add",
    what: "of what is listed, strictly",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Listed"), ...fill, strict: true }),
    tells: { legs: [{ instrument_token: 77, direction: "BUY" }] },
  },
  {
    call: "strategies.fills.add",
    what: "with warnings, and the same trade again",
    run: async ({ api }, id) => {
      const odd = { strategy_id: id("Listed"), ...fill, quantity: 50, price: 6000.5, external_id: "odd" };
      return [await api.strategies.fills.add(odd), await api.strategies.fills.add(odd)];
    },
    tells: [1, 2].map(() => ({ fills: [{ quantity: 50 }], warnings: [{ code: "price_off_tick" }, { code: "quantity_off_lot" }] })),
  },
  {
    call: "strategies.fills.add",
    what: "strictly, part of a lot",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Listed"), ...fill, quantity: 50, strict: true }),
    tells: refusal("input_invalid", "lot"),
  },
  {
    call: "strategies.fills.add",
    what: "strictly, one that no dump had",
    run: ({ api }, id) =>
      api.strategies.fills.add({ strategy_id: id("Listed"), ...fill, tradingsymbol: "MCX:CRUDEOIL49DECFUT", strict: true }),
    tells: refusal("instrument_unknown", "MCX:CRUDEOIL49DECFUT"),
  },
  {
    call: "strategies.fills.list",
    what: "without what was refused",
    run: async ({ api }, id) =>
      (await api.strategies.fills.list({ strategy_id: id("Listed") })).map(({ source, quantity }) => [source, quantity]),
    tells: [
      ["entry", 50],
      ["fill", 100],
      ["fill", 50],
    ],
  },
];
