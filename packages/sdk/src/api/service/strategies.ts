import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import type { Strategy, StrategyCreate } from "../../model/strategy.ts";
import * as strategies from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { nearest } from "../nearest.ts";
import { accountOf, call, strategyOf, type Context } from "./context.ts";

type Calls = Pick<Api["strategies"], "create" | "getOrCreate" | "list" | "resolve" | "get" | "update" | "archive">;

export function strategyCalls(context: Context): Calls {
  const { database } = context;
  const routes = contract.strategies;
  return {
    create: call(routes.create, (input) => create(context, input)),
    getOrCreate: call(routes.getOrCreate, (input) => getOrCreate(context, input)),
    list: call(routes.list, async ({ account_id, ...filter }) =>
      strategies.list(database, { ...filter, account_id: (await accountOf(context, account_id)).account_id }),
    ),
    resolve: call(routes.resolve, (input) => resolve(context, input)),
    get: call(routes.get, (key) => strategyOf(context, key)),
    update: call(routes.update, (change) => update(context, change)),
    archive: call(routes.archive, (key) => archive(context, key)),
  };
}

async function create(context: Context, { account_id, ...strategy }: z.output<typeof StrategyCreate>): Promise<Strategy> {
  const account = await accountOf(context, account_id);
  return strategies.insert(context.database, { ...strategy, account_id: account.account_id });
}

async function getOrCreate(context: Context, input: z.output<typeof StrategyCreate>): Promise<Strategy> {
  const { account_id } = await accountOf(context, input.account_id);
  const existing = async (): Promise<Strategy | undefined> =>
    (await strategies.findByName(context.database, { account_id, name: input.name })).find(({ status }) => status === "active");
  const found = await existing();
  if (found !== undefined) return found;
  try {
    return await create(context, { ...input, account_id });
  } catch (error) {
    // Another caller made it between the look and the insert.
    const made = error instanceof StratctlError && error.code === "strategy_exists" ? await existing() : undefined;
    if (made !== undefined) return made;
    throw error;
  }
}

async function resolve(context: Context, input: { account_id?: string | undefined; strategy: string }): Promise<Strategy> {
  const { strategy: name } = input;
  if (/^\d{1,9}$/.test(name)) return strategyOf(context, { account_id: input.account_id, strategy_id: Number(name) });
  const { account_id } = await accountOf(context, input.account_id);
  const named = await strategies.findByName(context.database, { account_id, name });
  const [first, second] = named;
  if (first === undefined) throw await unknown(context, { account_id, name });
  if (first.status === "active" || second === undefined) return first;
  throw new StratctlError("strategy_ambiguous", `${named.length} archived strategies are called "${name}"`, {
    hint: `name one by its id: ${named.map(({ strategy_id }) => strategy_id).join(", ")}`,
    details: { candidates: named.map(({ strategy_id }) => strategy_id) },
  });
}

async function unknown({ database }: Context, { account_id, name }: { account_id: string; name: string }): Promise<StratctlError> {
  const all = await strategies.list(database, { account_id });
  const meant = nearest(
    name,
    all.map((strategy) => strategy.name),
  );
  return new StratctlError(
    "strategy_unknown",
    `no strategy "${name}" in ${account_id}${meant === null ? "" : `; did you mean "${meant}"?`}`,
    {
      hint: meant === null ? "stratctl strategy list shows those there are" : undefined,
      details: { account_id, strategy: name, meant },
    },
  );
}

async function update(context: Context, change: Parameters<typeof strategies.update>[1]): Promise<Strategy> {
  const strategy = await strategyOf(context, change);
  if (strategy.is_default && change.name !== undefined && change.name !== strategy.name) throw ofDefault(strategy, "renamed");
  return (await strategies.update(context.database, { ...change, account_id: strategy.account_id })) ?? strategyOf(context, change);
}

async function archive(context: Context, key: { account_id?: string | undefined; strategy_id: number }): Promise<Strategy> {
  const strategy = await strategyOf(context, key);
  if (strategy.is_default) throw ofDefault(strategy, "archived");
  if (strategy.status === "archived") return strategy;
  return (
    (await strategies.archive(context.database, { account_id: strategy.account_id, strategy_id: strategy.strategy_id })) ??
    strategyOf(context, key)
  );
}

function ofDefault({ name, account_id }: Strategy, what: string): StratctlError {
  return new StratctlError("strategy_default", `"${name}" is ${account_id}'s default and cannot be ${what}`);
}
