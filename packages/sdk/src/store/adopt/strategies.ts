import { z } from "zod";
import { StratctlError } from "../../errors.ts";
import type { Db } from "../db.ts";

/**
 * Accounts and strategies as our tables can hold them, once the columns are there and before the constraints are. What a
 * strategy was is kept in its metadata under `adopted`. A line for each thing done.
 */
export async function adoptStrategies(db: Db): Promise<string[]> {
  await refuseAccounts(db);
  await db.run("adopt.account_metadata", "update trading_account set metadata = '{}' where metadata is null");
  await db.run("adopt.remember", REMEMBER);
  const lines: string[] = [];
  for (const [name, sql] of STEPS) lines.push(...(await db.many(Line, name, sql)).map(({ line }) => line));
  await db.run("adopt.tidy", TIDY);
  const made = await db.many(Line, "adopt.defaults", DEFAULTS);
  return [...lines, ...made.map(({ line }) => line), ...(await renameTwins(db))];
}

const Line = z.object({ line: z.string() });

/** An account's id is what callers type: no row of ours could hold one with a blank, and it is not ours to change. */
async function refuseAccounts(db: Db): Promise<void> {
  const bad = await db.many(
    z.object({ account_id: z.string() }),
    "adopt.accounts_refused",
    `select account_id from trading_account where account_id !~ '^\\S{1,100}$' order by account_id`,
  );
  if (bad.length === 0) return;
  const ids = bad.map(({ account_id }) => JSON.stringify(account_id)).join(", ");
  throw new StratctlError("database_foreign", `account ids with blanks cannot be adopted: ${ids}`, {
    hint: "give these accounts an id without blanks",
    details: { differences: [`trading_account.account_id holds blanks: ${ids}`] },
  });
}

const REMEMBER = `
  update strategy set metadata =
    case when metadata is null then '{}' when jsonb_typeof(metadata) = 'object' then metadata else jsonb_build_object('metadata', metadata) end
    || jsonb_build_object('adopted', jsonb_strip_nulls(jsonb_build_object(
      'status', status, 'is_active', is_active, 'is_default', is_default, 'strategy_type', strategy_type, 'archived_at', archived_at,
      'trading_account_id', trading_account_id, 'account_ids', account_ids,
      'total_pnl', nullif(total_pnl, 0), 'current_m2m', nullif(current_m2m, 0),
      'total_capital_deployed', nullif(total_capital_deployed, 0), 'total_margin_used', nullif(total_margin_used, 0)
    )))`;

/** Of a strategy without an account: the first of its list that is there, else the first of it, else the only one there is. */
const OWNERS = `
  with lost as materialized (
    select strategy_id, strategy_name, account_ids, coalesce(
      (
        select id from unnest(account_ids) with ordinality as listed (id, place)
        where id ~ '^\\S{1,100}$'
        order by exists (select from trading_account where account_id = id) desc, place limit 1
      ),
      (select min(account_id) from trading_account having count(*) = 1),
      'unassigned'
    ) as owner
    from strategy where trading_account_id is null
  ), made as (
    insert into trading_account (account_id) select distinct owner from lost order by owner on conflict do nothing returning account_id
  ), moved as (
    update strategy set trading_account_id = owner from lost where strategy.strategy_id = lost.strategy_id
    returning format(
      'strategy %s "%s" (account_ids {%s}): now of account %s',
      lost.strategy_id, lost.strategy_name, array_to_string(lost.account_ids, ', '), owner
    ) as line, lost.strategy_id
  )
  select format('account %s: made for strategies that named no account of this database', account_id) as line, 0 as place from made
  union all select line, strategy_id from moved order by place, line`;

const ARCHIVED = `
  with earlier as (
    select strategy_id, status, coalesce(is_default, false) as is_default from strategy where status <> 'active' or not is_active
  ), done as (
    update strategy set status = 'archived', archived_at = coalesce(archived_at, stopped_at, updated_at), is_default = false
    from earlier where earlier.strategy_id = strategy.strategy_id
    returning earlier.strategy_id, strategy_name, earlier.status, earlier.is_default
  )
  select format('strategy %s "%s" (%s%s): archived%s', strategy_id, strategy_name, status,
    case when status = 'active' then ', not is_active' end,
    case when is_default then ', and no longer its account''s default' end
  ) as line
  from done where status <> 'archived' order by strategy_id`;

const UNARCHIVED = `
  update strategy set archived_at = null where status = 'active' and archived_at is not null
  returning format('strategy %s "%s" (active and is_active): archived_at dropped', strategy_id, strategy_name) as line`;

const ZEROS = `
  select format('%s of 0 was never written: unknown now in strategies %s', name, string_agg(strategy_id::text, ', ' order by strategy_id)) as line
  from strategy, lateral (values
    ('total_pnl', total_pnl), ('current_m2m', current_m2m),
    ('total_capital_deployed', total_capital_deployed), ('total_margin_used', total_margin_used)
  ) as money (name, amount)
  where amount = 0 group by name order by name`;

const WRONG_M2M = `
  select format('current_m2m held a P&L: unknown now in strategies %s', string_agg(strategy_id::text, ', ' order by strategy_id)) as line
  from strategy where current_m2m <> 0 having count(*) > 0`;

const UNBOUNDED = `
  select format('%s of strategy %s is %s: unknown now', name, strategy_id, amount) as line
  from strategy, lateral (values
    ('total_pnl', total_pnl), ('total_capital_deployed', total_capital_deployed), ('total_margin_used', total_margin_used)
  ) as money (name, amount)
  where not abs(amount) <= 500000000000 order by strategy_id, name`;

const TYPES = `
  select format('strategy_type %s: automated now in strategies %s', strategy_type, string_agg(strategy_id::text, ', ' order by strategy_id)) as line
  from strategy where strategy_type not in ('manual', 'default', 'automated') group by strategy_type order by strategy_type`;

/** What is told before it is tidied away. */
const STEPS = [
  ["adopt.owners", OWNERS],
  ["adopt.archived", ARCHIVED],
  ["adopt.unarchived", UNARCHIVED],
  ["adopt.zeros", ZEROS],
  ["adopt.wrong_m2m", WRONG_M2M],
  ["adopt.unbounded", UNBOUNDED],
  ["adopt.types", TYPES],
] as const;

/** NaN is greater than any bound, so that it becomes unknown as well. */
const TIDY = `
  update strategy set
    tags = coalesce(array_remove(tags, null), '{}'),
    is_default = coalesce(is_default, false),
    strategy_type = case when strategy_type in ('manual', 'default') then 'manual' else 'automated' end,
    current_m2m = null,
    total_pnl = case when abs(total_pnl) <= 500000000000 then nullif(total_pnl, 0) end,
    total_capital_deployed = case when abs(total_capital_deployed) <= 500000000000 then nullif(total_capital_deployed, 0) end,
    total_margin_used = case when abs(total_margin_used) <= 500000000000 then nullif(total_margin_used, 0) end`;

const DEFAULTS = `
  insert into strategy (trading_account_id, strategy_name, description, is_default, created_by)
  select account_id, 'Default Strategy', 'Legs of the account that belong to no other strategy', true, account_id
  from trading_account account
  where not exists (select from strategy where trading_account_id = account_id and is_default)
  order by account_id
  returning format('account %s: default strategy made', trading_account_id) as line`;

const Named = z.object({ strategy_id: z.int(), account_id: z.string(), strategy_name: z.string(), key: z.string() });

/**
 * A later active strategy of the same name, in any case, gets " (2)", or the next number that is free. The default strategy
 * counts as the first, since it cannot be renamed.
 */
async function renameTwins(db: Db): Promise<string[]> {
  const strategies = await db.many(Named, "adopt.names", NAMES);
  const taken = new Set(strategies.map(({ account_id, key }) => `${account_id}\n${key}`));
  const met = new Set<string>();
  const renamed: (z.output<typeof Named> & { suffix: string })[] = [];
  for (const strategy of strategies) {
    const name = `${strategy.account_id}\n${strategy.key}`;
    if (!met.has(name)) {
      met.add(name);
      continue;
    }
    let number = 2;
    while (taken.has(`${name} (${number})`)) number += 1;
    taken.add(`${name} (${number})`);
    renamed.push({ ...strategy, suffix: ` (${number})` });
  }
  await db.run("adopt.rename", RENAME, [renamed.map(({ strategy_id }) => String(strategy_id)), renamed.map(({ suffix }) => suffix)]);
  return renamed.map(
    ({ strategy_id, strategy_name, account_id, suffix }) =>
      `strategy ${strategy_id} "${strategy_name}": "${strategy_name}${suffix}" now, since ${account_id} has an active one of that name`,
  );
}

/** The key is Postgres' own idea of lower case, which the unique index has too. */
const NAMES = `select strategy_id, trading_account_id as account_id, strategy_name, lower(strategy_name) as key from strategy
  where status = 'active' order by trading_account_id, is_default desc, created_at, strategy_id`;

const RENAME = `update strategy set strategy_name = strategy_name || suffix
  from unnest($1::text[]::integer[], $2::text[]) as given (id, suffix) where strategy_id = id`;
