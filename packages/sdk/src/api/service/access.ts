import { HINTS, StratctlError } from "../../errors.ts";
import type { Account } from "../../model/account.ts";
import * as accounts from "../../store/account.ts";
import * as strategies from "../../store/strategy.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import type { Scope } from "../route.ts";
import type { Caller, Context } from "./context.ts";

/** Rejects with scope_missing where the caller's token does not allow what a call needs. */
export function requireScope(caller: Caller | null, scope: Scope): void {
  if (caller === null || caller.scopes.has(scope)) return;
  throw new StratctlError("scope_missing", `this needs a token with the scope "${scope}"`, {
    hint: HINTS[`scope_${scope}`].call,
    details: { scope },
  });
}

/** The accounts that the caller may use, by id or alias; undefined: all there are. */
export function ownIds({ caller }: Pick<Context, "caller">): readonly string[] | undefined {
  return caller === null || caller.accounts === "all" ? undefined : [...caller.accounts];
}

/**
 * The account of that id or alias; where none is named, the caller's, or the only one that he may use. An account of somebody
 * else's and one that is not there are refused in the same words.
 */
export async function accountOf(context: Context, named: string | undefined): Promise<Account> {
  const account_id = named ?? context.account_id;
  return account_id === null ? onlyAccount(context) : namedAccount(context, account_id);
}

async function namedAccount(context: Context, account_id: string): Promise<Account> {
  const own = ownIds(context);
  const found = await accounts.find(context.database, { account_id });
  if (found !== null && (own === undefined || isAmong(found, own))) return found;
  if (own !== undefined) throw forbidden(account_id);
  throw new StratctlError("account_unknown", `no account "${account_id}"`, { hint: HINTS.accounts.call });
}

async function onlyAccount(context: Context): Promise<Account> {
  const own = ownIds(context);
  const all = await accounts.list(context.database, { among: own });
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const candidates = all.map((account) => account.account_id);
  if (candidates.length > 0)
    throw new StratctlError("account_required", `which account? there are ${candidates.join(", ")}`, {
      hint: HINTS.account.call,
      details: { candidates },
    });
  throw own === undefined
    ? new StratctlError("account_required", "there is no account yet", { hint: HINTS.account_add.call })
    : new StratctlError("account_required", "no account of this token is there yet", {
        hint: "use a token for another account, or add the account",
      });
}

function isAmong({ account_id, aliases }: Account, own: readonly string[]): boolean {
  return own.includes(account_id) || aliases.some((alias) => own.includes(alias));
}

/** Rejects with account_forbidden where the caller may not give an account one of these names: it would be somebody else's. */
export function requireNames(context: Context, names: readonly string[]): void {
  const own = ownIds(context);
  const strange = names.find((name) => own !== undefined && !own.includes(name));
  if (strange !== undefined) throw forbidden(strange);
}

/** Says nothing about whether there is such an account. */
function forbidden(account_id: string): StratctlError {
  return new StratctlError("account_forbidden", `account "${account_id}" is none that this token may use`, {
    hint: HINTS.accounts_own.call,
    details: { account_id },
  });
}

/**
 * The strategy of that id: of the account that is named, or the caller's; of whichever he may use where there is neither.
 * Another account's strategy is refused in the same words as one that is not there.
 */
export async function strategyOf(context: Context, key: StrategyKey): Promise<KeptStrategy> {
  return (await strategies.find(context.database, soughtBy(context, key))) ?? noStrategy(context, key);
}

/** Rejects as `strategyOf` does, where no more is asked of the strategy than that the caller may read it. */
export async function requireStrategy(context: Context, key: StrategyKey): Promise<void> {
  if (!(await strategies.isThere(context.database, soughtBy(context, key)))) await noStrategy(context, key);
}

interface StrategyKey {
  readonly account_id?: string | undefined;
  readonly strategy_id: number;
}

function soughtBy(context: Context, { account_id, strategy_id }: StrategyKey): strategies.StrategySought {
  return { account: account_id ?? context.account_id ?? undefined, among: ownIds(context), strategy_id };
}

async function noStrategy(context: Context, { account_id, strategy_id }: StrategyKey): Promise<never> {
  const named = account_id ?? context.account_id;
  throw strategyUnknown(strategy_id, named === null ? undefined : (await accountOf(context, named)).account_id);
}

export function strategyUnknown(strategy_id: number, account_id?: string): StratctlError {
  return new StratctlError("strategy_unknown", `no strategy ${strategy_id}${account_id === undefined ? "" : ` in ${account_id}`}`, {
    hint: HINTS.strategies.call,
  });
}
