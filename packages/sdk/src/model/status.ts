import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day, Instant } from "./instant.ts";

/** What an engine tells of itself every few seconds; counts since it began. */
export const EngineStanding = z.object({
  /** The last pass within a session; null before the first. */
  last_sample_at: Instant.nullable(),
  sample_count: z.int(),
  /** Samples that the process came to late, and left out. */
  skipped_count: z.int(),
  /** Strategies of its book, of whatever account. */
  strategy_count: z.int(),
  sources: z.array(
    z.object({
      name: z.string(),
      /** Null until it was asked. */
      up: z.boolean().nullable(),
      /** Why it is away. */
      reason: z.string().nullable(),
    }),
  ),
  /** Candles that wait for the database: in memory, and of those in the spool file. */
  waiting_count: z.int(),
  spool_depth: z.int(),
  /** What is not well, a short line each; empty where all is. */
  degraded: z.array(z.string()),
});
export type EngineStanding = z.infer<typeof EngineStanding>;

/** An engine that marks the accounts of a shard, or did last. */
export const Engine = z.object({
  shard: z.int(),
  of: z.int(),
  /** Host and process. */
  holder: z.string(),
  /** One more with each change of leader. */
  fence: z.int(),
  /** Seen within the last 10 s. */
  is_leading: z.boolean(),
  since: Instant,
  /** Null: it left, or its shard went to another. */
  seen_at: Instant.nullable(),
  standing: EngineStanding.nullable(),
});
export type Engine = z.infer<typeof Engine>;

/** How the marking of an account stands. */
export const Status = z.object({
  account_id: z.string(),
  at: Instant,
  engines: z.array(Engine),
  sessions: z.array(
    z.object({
      exchange: z.string(),
      /** The session under way, or the next one; null where the calendar knows none within weeks. */
      opens_at: Instant.nullable(),
      closes_at: Instant.nullable(),
      is_open: z.boolean(),
    }),
  ),
  /** Of the session under way or the last one: minutes in which a candle was due, and those that have one. */
  coverage: z.object({ day: Day.nullable(), due_minutes: z.int(), candle_minutes: z.int() }),
  /** Active strategies with minutes that have no candle that day, those with the most first. */
  gaps: z.array(z.object({ strategy_id: z.int(), name: z.string(), minutes: z.int() })),
  /** Active strategies with open legs whose latest mark is none, and why. */
  unmarked: z.array(z.object({ strategy_id: z.int(), name: z.string(), at: Instant, reason: z.string() })),
  /** What will need somebody: the end of the calendar, contracts that are past their expiry. */
  warnings: z.array(z.string()),
});
export type Status = z.infer<typeof Status>;

export const StatusQuery = z.strictObject({ account_id: AccountId.optional() });
export type StatusQuery = z.input<typeof StatusQuery>;
