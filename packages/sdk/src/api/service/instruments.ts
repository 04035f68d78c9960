import { HINTS, StratctlError } from "../../errors.ts";
import { dayOf } from "../../market/calendar.ts";
import { formatUnits, parseUnits } from "../../model/money.ts";
import * as listings from "../../store/listing.ts";
import { contract, type Api } from "../contract.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { instrumentOf } from "./leg-rules.ts";
import { listingOf } from "./listed.ts";

export function instrumentCalls(context: Context): Api["instruments"] {
  const { database, calendar } = context;
  return {
    search: call(context, contract.instruments.search, ({ q, exchange, limit }) =>
      listings.search(database, { words: wordsOf(q), exchange, limit, today: dayOf(calendar, context.now()) }),
    ),
    get: call(context, contract.instruments.get, async ({ instrument }) => {
      const listing = await listingOf(context, { tradingsymbol: instrument });
      if (listing !== null) return listing;
      const known = instrumentOf({ tradingsymbol: instrument });
      throw new StratctlError("instrument_unknown", `no dump that was imported lists ${known.instrument}`, {
        hint: HINTS.instruments.call,
        details: { instrument: known.instrument },
      });
    }),
  };
}

/** In capitals, as instruments are; a strike without the zeros that it may be typed with. */
function wordsOf(q: string): string[] {
  return q
    .toUpperCase()
    .split(/[\s:,]+/)
    .filter((word) => word !== "")
    .map((word) => {
      const units = /^\d+\.\d+$/.test(word) ? parseUnits(word) : null;
      return units === null ? word : formatUnits(units);
    });
}
