import { HINTS, StratctlError } from "../errors.ts";
import { Account } from "../model/account.ts";
import { InstantColumn } from "../model/instant.ts";
import type { Db } from "./db.ts";
import { refusing, type Refusals } from "./failure.ts";

const Row = Account.extend({ created_at: InstantColumn, updated_at: InstantColumn });

const COLUMNS = "account_id, account_name, aliases, broker, is_active, created_at, updated_at";

/** Accounts, by id: all, or those that have one of these ids or aliases. */
export function list(db: Db, { among }: { among?: readonly string[] | undefined } = {}): Promise<Account[]> {
  return db.many(
    Row,
    "account.list",
    `select ${COLUMNS} from trading_account
      where $1::text[] is null or account_id = any ($1) or aliases && $1
      order by account_id`,
    [among ?? null],
  );
}

/** The account of that id, else the one that has it as an alias, else null. */
export function find(db: Db, key: { account_id: string }): Promise<Account | null> {
  return db.maybeOne(
    Row,
    "account.find",
    `select ${COLUMNS} from trading_account
      where account_id = $1 or $1 = any (aliases)
      order by account_id = $1 desc limit 1`,
    [key.account_id],
  );
}

export interface AccountRow {
  readonly account_id: string;
  readonly account_name?: string | null | undefined;
  readonly aliases?: readonly string[] | undefined;
  /** zerodha where left out. */
  readonly broker?: string | undefined;
}

/** Adds an account; a trigger makes its default strategy. Rejects with account_exists where the id or an alias is taken. */
export function insert(db: Db, account: AccountRow): Promise<Account> {
  return refusing(refusalsOf(account), () =>
    db.one(
      Row,
      "account.insert",
      `insert into trading_account (account_id, account_name, aliases, broker)
       values ($1, $2, $3, coalesce($4, 'zerodha')) returning ${COLUMNS}`,
      [account.account_id, account.account_name ?? null, account.aliases ?? [], account.broker ?? null],
    ),
  );
}

function refusalsOf({ account_id, aliases = [] }: AccountRow): Refusals {
  const hint = HINTS.accounts.call;
  return {
    trading_account_pkey: (cause) =>
      new StratctlError("account_exists", `account ${account_id} exists already`, { hint, details: { account_id }, cause }),
    trading_account_aliases_key: (cause) =>
      new StratctlError("account_exists", `account ${account_id} or one of its aliases names another account already`, {
        hint,
        details: { account_id, aliases },
        cause,
      }),
  };
}
