import { setTimeout as sleep } from "node:timers/promises";
import type { Mark } from "../../model/mark.ts";
import * as marks from "../../store/mark.ts";
import * as strategies from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { parseInput } from "../input.ts";
import type { StreamOptions } from "../route.ts";
import { accountOf, strategyOf, type Context } from "./context.ts";

/** How often the database is asked for a mark that was written since. */
const LOOK_MS = 1_000;

/** A strategy's marks as the engine of this process makes them, or as they are written. */
export function strategyStream(context: Context): Api["strategies"]["m2m"]["stream"] {
  return async function* stream(input, options = {}) {
    const key = parseInput(contract.strategies.m2m.stream.input, input);
    const { strategy_id } = await strategyOf(context, key);
    yield* context.feed?.strategy(strategy_id, options) ?? written(context, strategy_id, options);
  };
}

/** All marks of an account's active strategies at one instant. */
export function accountStream(context: Context): Api["marks"]["stream"] {
  return async function* stream(input, options = {}) {
    const { account_id } = await accountOf(context, parseInput(contract.marks.stream.input, input).account_id);
    yield* context.feed?.account(account_id, options) ?? writtenOf(context, account_id, options);
  };
}

async function* writtenOf(context: Context, account_id: string, { signal }: StreamOptions): AsyncGenerator<Mark[], void, undefined> {
  const seen = new Map<number, string>();
  for (; ; await sleep(LOOK_MS, undefined, { signal })) {
    const fresh: Mark[] = [];
    for (const { strategy_id } of await strategies.list(context.database, { account_id, status: "active" })) {
      const mark = await marks.find(context.database, { strategy_id }, context.now());
      if (mark !== null && seen.get(strategy_id) !== mark.at) fresh.push(mark);
      if (mark !== null) seen.set(strategy_id, mark.at);
    }
    if (fresh.length > 0) yield fresh;
  }
}

async function* written(context: Context, strategy_id: number, { signal, after }: StreamOptions): AsyncGenerator<Mark, void, undefined> {
  for (let seen = after; ; await sleep(LOOK_MS, undefined, { signal })) {
    const mark = await marks.find(context.database, { strategy_id }, context.now());
    if (mark === null || mark.at === seen) continue;
    seen = mark.at;
    yield mark;
  }
}
