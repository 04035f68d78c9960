import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import type { Calendar } from "../../market/days.ts";
import type { Lots } from "../../market/lots.ts";
import type { Account } from "../../model/account.ts";
import type { Basis } from "../../model/candle.ts";
import type { Mark } from "../../model/mark.ts";
import type { Strategy } from "../../model/strategy.ts";
import type { QuoteSource } from "../../quotes/source.ts";
import * as accounts from "../../store/account.ts";
import type { Database } from "../../store/db.ts";
import * as strategies from "../../store/strategy.ts";
import { parseInput } from "../input.ts";
import type { CallOptions, Route, Scope, StreamOptions } from "../route.ts";

/** What the rules need of the world. */
export interface Context {
  readonly database: Database;
  /** In the order in which they are asked for a price. */
  readonly sources: readonly QuoteSource[];
  readonly calendar: Calendar;
  readonly lots: Lots;
  /** The account that counts where a call names none: by id or alias. */
  readonly account_id: string | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whose calls these are; null in process, where whoever calls may do what the database lets him. */
  readonly caller: Caller | null;
  /** What open, high, low and close of a history, and current_m2m of a strategy, are of where a call does not say. */
  readonly m2m_basis: Basis;
  /** The marks as the engine of this process makes them; null where there is none: they are read as they are written. */
  readonly feed: MarkFeed | null;
}

/** Who calls, as a verified token tells. */
export interface Caller {
  /** Who is named as the one who made a strategy, and whose idempotency keys these are. */
  readonly subject: string;
  /** Accounts by id or alias, compared as whole texts; `all` only in a token of this server's own. */
  readonly accounts: ReadonlySet<string> | "all";
  readonly scopes: ReadonlySet<Scope>;
}

/** The marks of each sample as the engine makes them. */
export interface MarkFeed {
  /** Null where this engine does not mark the strategy: another shard's, one without legs in the book. */
  strategy(strategy_id: number, options: StreamOptions): AsyncIterable<Mark> | null;
  /** Active strategies of an account, all those of a sample at once; null where this engine does not mark the account. */
  account(account_id: string, options: StreamOptions): AsyncIterable<Mark[]> | null;
}

/** A call of the contract over the store: its input parsed, then the work. */
export function call<Input extends z.ZodType, Output extends z.ZodType>(
  route: Route<Input, Output>,
  work: (input: z.output<Input>, options: CallOptions) => Promise<z.output<Output>>,
): (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>> {
  return async (input, options = {}) => {
    options.signal?.throwIfAborted();
    return work(parseInput(route.input, input), options);
  };
}

/** The account of that id or alias; where none is named, the caller's, or the only one there is. */
export async function accountOf({ database, account_id: own }: Context, named: string | undefined): Promise<Account> {
  const account_id = named ?? own;
  if (account_id !== null) {
    const found = await accounts.find(database, { account_id });
    if (found !== null) return found;
    throw new StratctlError("account_unknown", `no account "${account_id}"`, { hint: "stratctl account list shows those there are" });
  }
  const all = await accounts.list(database);
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const candidates = all.map((account) => account.account_id);
  throw candidates.length === 0
    ? new StratctlError("account_required", "there is no account yet", { hint: "add one: stratctl account add XJ4540" })
    : new StratctlError("account_required", `which account? there are ${candidates.join(", ")}`, {
        hint: "name one with --account, STRATCTL_ACCOUNT, or connect({ account_id })",
        details: { candidates },
      });
}

/** The strategy of that id: of the account that is named, or the caller's; of whichever where there is neither. */
export async function strategyOf(context: Context, key: { account_id?: string | undefined; strategy_id: number }): Promise<Strategy> {
  const named = key.account_id ?? context.account_id ?? undefined;
  const account_id = named === undefined ? undefined : (await accountOf(context, named)).account_id;
  const found = await strategies.find(context.database, { account_id, strategy_id: key.strategy_id });
  if (found !== null) return found;
  throw new StratctlError("strategy_unknown", `no strategy ${key.strategy_id}${account_id === undefined ? "" : ` in ${account_id}`}`, {
    hint: "stratctl strategy list shows those there are",
  });
}
