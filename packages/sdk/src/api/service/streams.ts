import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { StratctlError } from "../../errors.ts";
import { Instant } from "../../model/instant.ts";
import type { Mark } from "../../model/mark.ts";
import * as marks from "../../store/mark.ts";
import { AHEAD_MS_MAX } from "../../quotes/board.ts";
import * as strategies from "../../store/strategy.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { parseInput } from "../input.ts";
import type { EventRoute, StreamOptions } from "../route.ts";
import { accountOf, requireScope, strategyOf, strategyUnknown } from "./access.ts";
import { parsed } from "./call.ts";
import type { Context } from "./context.ts";

/** How often the database is asked for a mark that was written since. */
const LOOK_MS = 1_000;

/**
 * A strategy's marks: the latest one that was written, and then each sample's where the engine of this process marks it, else each
 * as it is written, which an engine does every few seconds. A reader that takes longer than that gets the latest. With `after`, those
 * after that instant; where some were written in between and are gone, onGap is told.
 *
 * Rejects with strategy_archived and strategy_unknown where the strategy is archived or removed meanwhile, and with
 * database_unreachable where the database does not answer: whoever reads begins again, with `after`.
 */
export function strategyStream(context: Context): Api["strategies"]["m2m"]["stream"] {
  return streaming(context, contract.strategies.m2m.stream, async (key, options) => {
    const { strategy_id } = refuseArchived(await strategyOf(context, key));
    const live = context.feed?.strategy(strategy_id, options) ?? null;
    if (live === null) return written(context, strategy_id, options);
    const latest = options.after === undefined ? await marks.find(context.database, { strategy_id }, context.now()) : null;
    return latestFirst(latest === null ? [] : [latest], live, ({ at }) => at);
  });
}

/**
 * The marks of an account's active strategies: each sample's all at once where the engine of this process marks the account, else
 * as above, those of one instant at once. A sample that is written in parts may come in parts.
 */
export function accountStream(context: Context): Api["marks"]["stream"] {
  return streaming(context, contract.marks.stream, async (input, options) => {
    const { account_id } = await accountOf(context, input.account_id);
    const { database, feed, now } = context;
    const live = (await feed?.group(account_id, () => strategies.activeIds(database, account_id), options)) ?? null;
    if (live === null) return writtenOf(context, account_id, options);
    const latest =
      options.after === undefined ? await marks.listSince(database, { account_id, since_ms: undefined, known: [] }, now()) : [];
    return latestFirst([...Map.groupBy(latest, (mark) => mark.at).values()], live, ([first]) => first?.at ?? "");
  });
}

function streaming<Input extends z.ZodType, Event>(
  { caller, now }: Context,
  route: EventRoute<Input>,
  open: (input: z.output<Input>, options: StreamOptions) => Promise<AsyncIterable<Event>>,
): (input: z.input<Input>, options?: StreamOptions) => AsyncGenerator<Event, void, undefined> {
  return async function* stream(input, options = {}) {
    options.signal?.throwIfAborted();
    requireScope(caller, route.scope);
    if (options.after !== undefined) refuseAhead(parseInput(After, { after: options.after }).after, now());
    const events = await open(parsed(route.input, input), options);
    options.onOpen?.();
    yield* events;
  };
}

/** What was written last, so that nobody waits for the next sample, or for Monday; then what is live and newer. */
async function* latestFirst<Event>(latest: readonly Event[], live: AsyncIterable<Event>, instant: (event: Event) => string) {
  const last = latest.at(-1);
  yield* latest;
  for await (const event of live) if (last === undefined || Date.parse(instant(event)) > Date.parse(instant(last))) yield event;
}

const After = z.object({ after: Instant });

/** Nothing was told after now, and nothing would be until then. */
function refuseAhead(after: string, now_ms: number): void {
  if (Date.parse(after) <= now_ms + AHEAD_MS_MAX) return;
  throw new StratctlError("input_invalid", `after ${after} lies ahead of now`, { hint: "give the instant of the last mark that was told" });
}

function refuseArchived(strategy: KeptStrategy): KeptStrategy {
  if (strategy.status === "active") return strategy;
  throw new StratctlError("strategy_archived", `"${strategy.name}" is archived and not marked any more`);
}

async function* written(
  { database, now }: Context,
  strategy_id: number,
  { signal, after, onGap }: StreamOptions,
): AsyncGenerator<Mark, void, undefined> {
  let seen_ms = after === undefined ? -Infinity : Date.parse(after);
  for (let looks = 0; ; looks += 1, await pause(signal)) {
    const strategy = await strategies.find(database, { strategy_id });
    if (strategy === null) throw strategyUnknown(strategy_id);
    const { marked_at } = refuseArchived(strategy);
    if (marked_at === null || Date.parse(marked_at) <= seen_ms) continue;
    const mark = await marks.find(database, { strategy_id }, now());
    if (mark === null) continue;
    if (looks === 0 && after !== undefined) onGap?.({ from: after, to: mark.at });
    seen_ms = Date.parse(mark.at);
    yield mark;
  }
}

async function* writtenOf(
  { database, now }: Context,
  account_id: string,
  { signal, after, onGap }: StreamOptions,
): AsyncGenerator<Mark[], void, undefined> {
  let since_ms = after === undefined ? undefined : Date.parse(after) + 1;
  let known: number[] = [];
  for (let looks = 0; ; looks += 1, await pause(signal)) {
    const news = await marks.listSince(database, { account_id, since_ms, known }, now());
    const [first] = news;
    if (looks === 0 && after !== undefined && first !== undefined) onGap?.({ from: after, to: first.at });
    for (const [at, together] of Map.groupBy(news, (mark) => mark.at)) {
      const ids = together.map(({ strategy_id }) => strategy_id);
      known = Date.parse(at) === since_ms ? [...known, ...ids] : ids;
      since_ms = Date.parse(at);
      yield together;
    }
  }
}

/** Ends at once where the signal fires, with its reason, as every call does. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
}
