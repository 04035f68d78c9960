import type { Db } from "./db.ts";

/**
 * A default strategy comes with an account by itself, and the one that is brought takes its place: its row becomes that one. It is not
 * removed, since whoever removes a strategy locks the candles of all against their writers until the transaction is over.
 */

interface Given {
  /** `with given as (…)`, whose rows are the parameters'. */
  readonly given: string;
  readonly params: readonly Buffer[];
}

/** Those that came with the accounts just added have no id that a brought strategy may have. */
export async function defaultsParked(db: Db, { given, params }: Given): Promise<void> {
  await db.run(
    "transfer.defaultsParked",
    `${given} update strategy own set strategy_id = -own.strategy_id from given
      where own.trading_account_id = given.account_id and own.is_default and own.created_at = now() and own.strategy_id > 0`,
    params,
  );
}

/** One that nobody edited or used is replaced by the brought one; how many were. */
export async function defaultsAdopted(db: Db, { given, params }: Given): Promise<number> {
  const unused = `own.is_default and given.is_default and own.trading_account_id = given.trading_account_id
    and own.strategy_id <> given.strategy_id and own.updated_at = own.created_at
    and not exists (select from strategy there where there.strategy_id = given.strategy_id)
    and not exists (select from strategy_instruments leg where leg.strategy_id = own.strategy_id)
    and not exists (select from strategy_m2m_candles candle where candle.strategy_id = own.strategy_id)
    and not exists (select from strategy_pnl_metrics day where day.strategy_id = own.strategy_id)
    and not exists (select from strategy_gap gap where gap.strategy_id = own.strategy_id)`;
  await db.run(
    "transfer.defaultsUnmarked",
    `${given} delete from strategy_mark mark using strategy own, given where mark.strategy_id = own.strategy_id and ${unused}`,
    params,
  );
  const adopted = await db.run(
    "transfer.defaultsAdopted",
    `${given} update strategy own set strategy_id = given.strategy_id, strategy_name = given.strategy_name, description = given.description,
        strategy_type = given.strategy_type, tags = given.tags, current_m2m = given.current_m2m, total_pnl = given.total_pnl,
        total_capital_deployed = given.total_capital_deployed, total_margin_used = given.total_margin_used,
        created_by = given.created_by, metadata = given.metadata, created_at = given.created_at
       from given where ${unused}`,
    params,
  );
  // A trigger notes the edit above; the column alone wakes none.
  if (adopted > 0)
    await db.run(
      "transfer.defaultsDated",
      `${given} update strategy own set updated_at = given.updated_at from given where own.strategy_id = given.strategy_id and own.is_default
         and own.updated_at = now()`,
      params,
    );
  return adopted;
}

/** Those that nothing took the place of get the next ids. */
export async function defaultsNumbered(db: Db): Promise<void> {
  await db.run(
    "transfer.defaultsNumbered",
    "update strategy set strategy_id = nextval(pg_get_serial_sequence('strategy', 'strategy_id')) where strategy_id < 0 and created_at = now()",
  );
}
