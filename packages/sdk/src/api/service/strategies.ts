import type { z } from "zod";
import { assert, HINTS, StratctlError } from "../../errors.ts";
import type { Leg } from "../../model/leg.ts";
import type { Strategy, StrategyArchive, StrategyCreate, StrategyQuery } from "../../model/strategy.ts";
import type { Db } from "../../store/db.ts";
import * as legs from "../../store/leg.ts";
import * as settlement from "../../store/settlement.ts";
import * as strategies from "../../store/strategy.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { nearest } from "../nearest.ts";
import { accountOf, strategyOf } from "./access.ts";
import { adding } from "./adding.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { withDayChange } from "./day-change.ts";
import { moved } from "./fills.ts";
import { holdActive, priceNow, refuseArchived } from "./leg-rules.ts";
import { closed } from "./legs.ts";
import { expiryNotices } from "./settlement.ts";

type Calls = Pick<Api["strategies"], "create" | "getOrCreate" | "list" | "resolve" | "get" | "update" | "archive" | "close">;

export function strategyCalls(context: Context): Calls {
  const routes = contract.strategies;
  const shown = async (kept: readonly KeptStrategy[]): Promise<Strategy[]> =>
    (await withDayChange(context, kept)).map((strategy) => onBasis(context, strategy));
  const shownOne = async (kept: KeptStrategy): Promise<Strategy> => {
    const [strategy] = await shown([kept]);
    assert(strategy !== undefined, "a strategy that is shown is one");
    return strategy;
  };
  return {
    create: adding(context, routes.create, {
      access: ({ account_id }) => accountOf(context, account_id),
      work: (input, { write }, { account_id }) =>
        write(async (db) => shownOne(await strategies.insert(db, rowOf(context, { ...input, account_id })))),
    }),
    getOrCreate: call(context, routes.getOrCreate, async (input) => shownOne(await getOrCreate(context, input))),
    list: call(context, routes.list, async (query) => shown(await list(context, query))),
    resolve: call(context, routes.resolve, async (input) => shownOne(await resolve(context, input))),
    get: call(context, routes.get, async ({ include, ...key }) => {
      const strategy = await shownOne(await strategyOf(context, key));
      const notices = expiryNotices(context, await settlement.openLegs(context.database, strategy));
      return { ...strategy, notices, ...(include === undefined ? {} : { legs: await legs.list(context.database, strategy) }) };
    }),
    update: call(context, routes.update, async (change) => shownOne(await update(context, change))),
    archive: call(context, routes.archive, async (key) => shownOne(await archive(context, key))),
    close: adding(context, routes.close, {
      access: (key) => strategyOf(context, key),
      work: async (_key, { signal, write }, strategy) => {
        refuseArchived(strategy, "closes no leg");
        const open = (await legs.list(context.database, strategy)).filter(({ closed_at }) => closed_at === null);
        const exits: { strategy_id: number; instrument_id: number; exit_price: number }[] = [];
        for (const leg of open)
          exits.push({
            strategy_id: leg.strategy_id,
            instrument_id: leg.id,
            exit_price: await priceNow(context, leg, { purpose: "leave", signal }),
          });
        return write(async (db) => {
          await holdActive(db, [strategy], "closes no leg");
          const all: Leg[] = [];
          for (const exit of exits) all.push(await closed(context, db, exit));
          return all;
        });
      },
    }),
  };
}

/** A server may be set to draw the line that an older front end expects under the name of M2M. */
function onBasis({ m2m_basis }: Context, strategy: Strategy): Strategy {
  return m2m_basis === "pnl" ? { ...strategy, current_m2m: strategy.current_pnl } : strategy;
}

type Creation = Omit<z.output<typeof StrategyCreate>, "account_id"> & { readonly account_id: string };

function rowOf({ caller }: Context, strategy: Creation): strategies.StrategyRow {
  return { ...strategy, created_by: caller?.subject };
}

async function getOrCreate(context: Context, input: z.output<typeof StrategyCreate>): Promise<KeptStrategy> {
  const { account_id } = await accountOf(context, input.account_id);
  const existing = async (): Promise<KeptStrategy | undefined> =>
    (await strategies.findByName(context.database, { account_id, name: input.name })).find(({ status }) => status === "active");
  const found = await existing();
  if (found !== undefined) return found;
  try {
    return await strategies.insert(context.database, rowOf(context, { ...input, account_id }));
  } catch (error) {
    // Another caller made it between the look and the insert.
    const made = error instanceof StratctlError && error.code === "strategy_exists" ? await existing() : undefined;
    if (made !== undefined) return made;
    throw error;
  }
}

async function list(context: Context, { cursor, ...query }: z.output<typeof StrategyQuery>): Promise<KeptStrategy[]> {
  const { account_id } = await accountOf(context, query.account_id);
  const found = await strategies.list(context.database, { ...query, account_id, after: cursor });
  if (found.length > 0 || cursor === undefined) return found;
  // Nothing comes after the last one, nor after one that is not there: a list that broke off is not to look complete.
  if ((await strategies.find(context.database, { strategy_id: cursor, account: account_id })) !== null) return found;
  const message = `cursor ${cursor} is no strategy of ${account_id}; begin again without it`;
  throw new StratctlError("input_invalid", message, { details: { errors: [{ field: "cursor", message }] } });
}

async function resolve(context: Context, input: { account_id?: string | undefined; strategy: string }): Promise<KeptStrategy> {
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
      hint: meant === null ? HINTS.strategies.call : undefined,
      details: { account_id, strategy: name, meant },
    },
  );
}

async function update(context: Context, change: Parameters<typeof strategies.update>[1]): Promise<KeptStrategy> {
  const strategy = await strategyOf(context, change);
  if (strategy.is_default && change.name !== undefined && change.name !== strategy.name) throw ofDefault(strategy, "renamed");
  return (await strategies.update(context.database, { ...change, account_id: strategy.account_id })) ?? strategyOf(context, change);
}

async function archive(context: Context, { move_to_default = false, ...key }: z.output<typeof StrategyArchive>): Promise<KeptStrategy> {
  const strategy = await strategyOf(context, key);
  if (strategy.is_default) throw ofDefault(strategy, "archived");
  const { account_id, strategy_id } = strategy;
  return context.database.transaction(async (db) => {
    await strategies.holdAlone(db, strategy_id);
    // Those of one that was archived before as well: nobody else can take them from there.
    if (move_to_default) await moveAllToDefault(context, db, strategy);
    return (await strategies.archive(db, { account_id, strategy_id })) ?? strategyOf(context, key);
  });
}

async function moveAllToDefault(context: Context, db: Db, { account_id, strategy_id }: KeptStrategy): Promise<void> {
  const [to] = await strategies.list(db, { account_id, status: "active", limit: 1 });
  assert(to?.is_default === true, `${account_id} has no default strategy`);
  const open = (await legs.list(db, { strategy_id })).filter(({ closed_at }) => closed_at === null);
  for (const { id } of open) await moved(context, db, { key: { strategy_id, instrument_id: id }, to });
}

function ofDefault({ name, account_id }: KeptStrategy, what: string): StratctlError {
  return new StratctlError("strategy_default", `"${name}" is ${account_id}'s default and cannot be ${what}`);
}
