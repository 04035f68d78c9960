import { z } from "zod";
import { Instant } from "./instant.ts";
import { Money } from "./money.ts";

/** What somebody last paid for an instrument, as far as the sources can tell. Unknown is null, with the reason. */
export const Quote = z.object({
  instrument: z.string(),
  /** Rupees a unit, above 0. */
  price: Money.nullable(),
  /** The last trade's time where the source gives one, else the exchange's, else when this process first saw the value. */
  at: Instant.nullable(),
  age_ms: z.int().nullable(),
  source: z.string().nullable(),
  /** Why there is no price: what each source said. */
  reason: z.string().nullable(),
});
export type Quote = z.infer<typeof Quote>;

/** A price older than this is stale. */
export const STALE_MS_MAX = 60_000;

export const QuoteQuery = z.strictObject({
  /** `NFO:NIFTY25N0424500CE`; a bare F&O symbol gets its exchange. At most 500. */
  i: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .pipe(
      z
        .array(z.string().trim().min(1, { error: "is empty" }))
        .min(1)
        .max(500),
    )
    .meta({ title: "instrument" }),
});
export type QuoteQuery = z.input<typeof QuoteQuery>;
