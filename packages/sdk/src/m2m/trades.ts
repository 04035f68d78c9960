import type { Leg } from "../model/leg.ts";

/** A leg, or a part of one that was closed, as it counts for trades. Money in units (1 = 0.0001 rupee). */
export interface LegPart {
  /** The leg that a part is of: its own id where it is none. */
  readonly leg_id: number;
  readonly added_at_ms: number;
  /** Null while it is open. */
  readonly closed_at_ms: number | null;
  readonly closed_by: Leg["closed_by"];
  readonly realized_units: bigint;
}

/** A leg from zero to zero. */
export interface Round {
  readonly from_ms: number;
  /** Null: not over. */
  readonly to_ms: number | null;
  readonly realized_units: bigint;
  /** All of it went to another strategy: held here, but nothing was won or lost. */
  readonly is_moved: boolean;
}

/** What a strategy held from flat to flat; in a default strategy a round. */
export interface Trade {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly realized_units: bigint;
}

/** The rounds of a strategy's legs, in the order in which they were entered. */
export function roundsOf(parts: readonly LegPart[]): Round[] {
  const rounds = [...Map.groupBy(parts, ({ leg_id }) => leg_id).values()].map((ofLeg): Round => {
    const ends = ofLeg.map(({ closed_at_ms }) => closed_at_ms);
    const traded = ofLeg.filter(({ closed_by }) => closed_by !== null && closed_by !== "move");
    return {
      from_ms: Math.min(...ofLeg.map(({ added_at_ms }) => added_at_ms)),
      to_ms: ends.some((end) => end === null) ? null : Math.max(...ends.map((end) => end ?? 0)),
      realized_units: traded.reduce((sum, { realized_units }) => sum + realized_units, 0n),
      is_moved: ofLeg.every(({ closed_by }) => closed_by === "move"),
    };
  });
  return rounds.toSorted((a, b) => a.from_ms - b.from_ms);
}

/**
 * Trades that are over, by their end. Rounds of which one begins before another has ended, or with it, are one trade: the legs of a
 * spread, and what it was adjusted by. One that begins at the instant at which all others have ended is another trade (a flip).
 * With `each` every round is a trade. Rounds that were moved keep a strategy from being flat, and are no trade alone.
 */
export function tradesOf(rounds: readonly Round[], { each }: { each: boolean }): Trade[] {
  const groups: Round[][] = [];
  let end_ms = Number.NEGATIVE_INFINITY;
  for (const round of rounds.toSorted((a, b) => a.from_ms - b.from_ms)) {
    const group = groups.at(-1);
    if (!each && group !== undefined && (round.from_ms < end_ms || round.from_ms === group[0]?.from_ms)) group.push(round);
    else {
      groups.push([round]);
      end_ms = Number.NEGATIVE_INFINITY;
    }
    end_ms = Math.max(end_ms, round.to_ms ?? Number.POSITIVE_INFINITY);
  }
  return groups.flatMap((group) => tradeOf(group) ?? []).toSorted((a, b) => a.to_ms - b.to_ms);
}

function tradeOf(group: readonly Round[]): Trade | null {
  const ends = group.flatMap(({ to_ms }) => to_ms ?? []);
  if (ends.length < group.length || group.every(({ is_moved }) => is_moved)) return null;
  return {
    from_ms: Math.min(...group.map(({ from_ms }) => from_ms)),
    to_ms: Math.max(...ends),
    realized_units: group.reduce((sum, { realized_units }) => sum + realized_units, 0n),
  };
}

export interface TradeTally {
  readonly total_trades: number;
  readonly winning_trades: number;
  readonly losing_trades: number;
  /** Percent of all trades, those that ended at exactly 0 among them; null without a trade. */
  readonly win_rate: number | null;
  /** What was won over what was lost; null where nothing was lost. */
  readonly profit_factor: number | null;
  /** The most trades lost one after another; one that ended at 0 ends a run. */
  readonly max_consecutive_losses: number;
}

/** What trades came to, in the order of their ends. */
export function tallyOf(trades: readonly Pick<Trade, "realized_units">[]): TradeTally {
  let [won_units, lost_units] = [0n, 0n];
  let [winning_trades, losing_trades, run, max_consecutive_losses] = [0, 0, 0, 0];
  for (const { realized_units } of trades) {
    if (realized_units > 0n) {
      winning_trades += 1;
      won_units += realized_units;
    } else if (realized_units < 0n) {
      losing_trades += 1;
      lost_units -= realized_units;
    }
    run = realized_units < 0n ? run + 1 : 0;
    max_consecutive_losses = Math.max(max_consecutive_losses, run);
  }
  return {
    total_trades: trades.length,
    winning_trades,
    losing_trades,
    win_rate: trades.length === 0 ? null : (100 * winning_trades) / trades.length,
    profit_factor: lost_units === 0n ? null : Number(won_units) / Number(lost_units),
    max_consecutive_losses,
  };
}
