import { z } from "zod";
import { StratctlError } from "@stratctl/sdk/internal";
import { checkedInterval } from "./clock.ts";
import { whole } from "./http/settings.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const;

/** A sampling interval as typed, `1s` or `500ms`, in milliseconds. */
const Interval = z.string().transform((text, context) => {
  const [, count = "", unit = ""] = /^(\d{1,6})(ms|s|m)$/.exec(text.trim()) ?? [];
  const ms = (["ms", "s", "m"] as const).flatMap((known) => (known === unit ? [Number(count) * UNIT_MS[known]] : []))[0];
  try {
    if (ms !== undefined) return checkedInterval(ms);
    context.addIssue({ code: "custom", message: "is not a span of time like 1s", input: text });
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    context.addIssue({ code: "custom", message: "does not divide a minute into whole seconds", input: text });
  }
  return z.NEVER;
});

const SWITCH: Readonly<Record<string, boolean>> = { true: true, false: false };

/** How the daemon marks, by the names under `daemon.`; a config file and the environment give each as text. */
export const DaemonSettings = z.strictObject({
  /** Between two samples: whole seconds that divide a minute. */
  interval: Interval.prefault("1s"),
  /** Candles, marks and prices are written this often, and at each minute's end. */
  write_interval_ms: whole(100, 60_000).default(5_000),
  /** A price older than this is stale. */
  stale_ms_max: whole(1_000, 86_400_000).default(60_000),
  /** This long after the open a leg that has not traded is carried at its last price before. */
  carry_after_ms: whole(0, 86_400_000).default(60_000),
  /** Candles that wait in memory for a database that is away, at most: 100 bytes each. */
  waiting_max: whole(1_000, 100_000_000).default(1_000_000),
  /** Where candles wait on disk while the database is away, in a folder a database; `spool` beside the built-in database where it is left out. */
  spool_folder: z.string().trim().min(1).optional(),
  /** Samples outside every session too, for markets that never close. */
  always: z
    .preprocess<unknown, z.ZodBoolean, boolean | string>(
      (value) => (typeof value === "string" ? (SWITCH[value.trim().toLowerCase()] ?? value) : value),
      z.boolean({ error: "is neither true nor false" }),
    )
    .default(false),
});
export type DaemonSettings = z.infer<typeof DaemonSettings>;
