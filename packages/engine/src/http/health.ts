import { z } from "zod";
import { assertAlive, isoOf, type Database } from "@stratctl/sdk/internal";
import { systemClock } from "../clock.ts";
import { degradedOf, type LoopStanding } from "../loop.ts";
import { within } from "../within.ts";

/** What GET /health answers: 200 while the daemon does its job, 503 while it cannot. */
export const Health = z.object({
  /** `degraded`: it does its job, and a source of prices is away or the last write failed. `down`: it does not. */
  status: z.enum(["ok", "degraded", "down"]),
  /** What is wrong, a line each. */
  reasons: z.array(z.string()),
  version: z.string(),
  uptime_s: z.int(),
  database: z.object({ reachable: z.boolean() }),
  sources: z.array(
    z.object({
      name: z.string(),
      /** Null until it was asked. */
      up: z.boolean().nullable(),
      reason: z.string().nullable(),
      /** Since the start, over all instruments: prices of now, stale ones, questions without a price, values that were refused, by why. */
      hit: z.int(),
      stale: z.int(),
      miss: z.int(),
      refused: z.record(z.string(), z.int()),
      /** Of its last read; null before the first. */
      latency_ms: z.number().nullable(),
    }),
  ),
  /** Instruments that keep strategies from being marked, twenty at most: why, since when, and what each source told of it. */
  unpriced: z.array(
    z.object({
      instrument: z.string(),
      why: z.string().nullable(),
      since: z.iso.datetime(),
      quotes: z.array(
        z.object({
          source: z.string(),
          hit: z.int(),
          stale: z.int(),
          miss: z.int(),
          refused: z.int(),
          latency_ms: z.number().nullable(),
          why: z.string().nullable(),
        }),
      ),
    }),
  ),
  /** Whether this engine marks, where several share a database. */
  leader: z.boolean(),
  /** The last pass within a session: an instant in UTC. */
  last_sample: z.iso.datetime().nullable(),
  /** How long ago the loop made its last pass, within a session or not. */
  lag_ms: z.int().nonnegative().nullable(),
});
export type Health = z.infer<typeof Health>;

export interface HealthOptions {
  readonly database: Database;
  /** Null where there is no loop beside the server. */
  readonly standing: (() => LoopStanding) | null;
  readonly version: string;
}

/** More than a person reads; the log names each. */
const UNPRICED_MAX = 20;
/** The database is asked this often at most, whoever asks us. */
const ASK_MS = 1_000;
/** It has this long to answer; whoever watches us gives up before long. */
const ANSWER_MS = 2_000;

/** Tells how the server is: cheap, however often it is asked. */
export function createHealth({ database, standing, version }: HealthOptions): () => Promise<Health> {
  const began_ms = performance.now();
  let asked: { readonly at_ms: number; readonly answer: Promise<boolean>; is_open: boolean } | null = null;
  const isReachable = async (): Promise<boolean> => {
    // While a question is open none is added: of a database that went silent they would take all connections.
    if (asked === null || (!asked.is_open && performance.now() - asked.at_ms >= ASK_MS)) {
      const question = { at_ms: performance.now(), answer: answersNow(database), is_open: true };
      question.answer.then(() => (question.is_open = false)).catch(() => undefined);
      asked = question;
    }
    return (await within(asked.answer, { ms: ANSWER_MS, clock: systemClock })) ?? false;
  };
  return async () => {
    const reachable = await isReachable();
    const loop = standing?.() ?? null;
    const dead = deadOf(loop);
    const failures = [...(reachable ? [] : ["the database does not answer"]), ...(dead === null ? [] : [dead])];
    const troubles = loop === null ? [] : degradedOf(loop);
    return {
      status: failures.length > 0 ? "down" : troubles.length > 0 ? "degraded" : "ok",
      reasons: [...failures, ...troubles],
      version,
      uptime_s: Math.floor((performance.now() - began_ms) / 1000),
      database: { reachable },
      sources: loop === null ? [] : sourcesOf(loop),
      unpriced: (loop?.unpriced ?? []).slice(0, UNPRICED_MAX).map(({ since_ms, quotes, ...known }) => {
        return { ...known, since: isoOf(since_ms), quotes: [...quotes] };
      }),
      leader: loop === null || loop.role === "leader",
      last_sample: loop === null || loop.last_sample_at_ms === null ? null : isoOf(loop.last_sample_at_ms),
      lag_ms: loop === null ? null : Math.max(0, Math.round(loop.lag_ms)),
    };
  };
}

/** A source that was never asked has no counts. */
function sourcesOf({ sources, quotes_by_source }: LoopStanding): Health["sources"] {
  return sources.map(({ name, up, reason }) => {
    const counts = quotes_by_source.find((one) => one.name === name);
    const { hit = 0, stale = 0, miss = 0, refused = {}, latency_ms = null } = counts ?? {};
    return { name, up, reason, hit, stale, miss, refused, latency_ms };
  });
}

async function answersNow(database: Database): Promise<boolean> {
  return assertAlive(database).then(
    () => true,
    () => false,
  );
}

/** What GET /live answers: why a restart would mend it, which it never does for the market, a source or the database; null while it lives. */
export function deadOf(loop: LoopStanding | null): string | null {
  return loop?.is_turning === false ? standsFor(loop) : null;
}

function standsFor({ lag_ms, last_pass_at_ms }: LoopStanding): string {
  const since = `for ${Math.round(lag_ms / 1000)} s`;
  return last_pass_at_ms === null ? `the loop has not begun ${since}` : `the loop stands ${since}`;
}
