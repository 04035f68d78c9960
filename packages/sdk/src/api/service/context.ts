import type { Calendar } from "../../market/days.ts";
import type { Lots } from "../../market/lots.ts";
import type { Basis } from "../../model/candle.ts";
import type { Mark } from "../../model/mark.ts";
import type { QuoteSource } from "../../quotes/source.ts";
import type { Database } from "../../store/db.ts";
import type { Scope, StreamOptions } from "../route.ts";

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
  /** Who is named as the one who made a strategy. */
  readonly subject: string;
  /** Whose idempotency keys these are: the subject together with who vouches for it. */
  readonly id: string;
  /** Accounts by id or alias, compared as whole texts; `all` only in a token of this server's own. */
  readonly accounts: ReadonlySet<string> | "all";
  readonly scopes: ReadonlySet<Scope>;
  /** When the token ends, in milliseconds since the epoch: a stream ends with it. */
  readonly expires_ms?: number | undefined;
}

/** The marks of each sample as the engine makes them. */
export interface MarkFeed {
  /** Null where this engine does not mark the strategy: another shard's, one without legs in the book. */
  strategy(strategy_id: number, options: StreamOptions): AsyncIterable<Mark> | null;
  /**
   * The strategies that `members` names, all marks of a sample at once, by strategy; null where this engine marks none of them.
   * `members` is asked again each minute.
   */
  group(name: string, members: () => Promise<readonly number[]>, options: StreamOptions): Promise<AsyncIterable<Mark[]> | null>;
}
