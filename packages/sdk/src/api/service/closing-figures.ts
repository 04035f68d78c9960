import { StratctlError } from "../../errors.ts";
import { EXCHANGE_DEFAULT } from "../../market/calendar.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { endOfDay, isDelivered, settlementUnits, type ContractKind, type Expiring } from "../../market/settlement.ts";
import { MINUTE_MS } from "../../market/day.ts";
import { signOf, type Leg } from "../../model/leg.ts";
import { unitsOf } from "../../model/money.ts";
import type { Settled } from "../../model/settlement.ts";
import type { Db } from "../../store/db.ts";
import * as legs from "../../store/leg.ts";
import * as settlement from "../../store/settlement.ts";
import type { Context } from "./context.ts";
import { refuseTooLarge } from "./exits.ts";

type SettledLeg = Settled["settled"][number];

export interface Figures {
  readonly account_id: string;
  readonly closes: Readonly<Record<string, number>>;
  /** YYYY-MM-DD; null where nobody told one and no contract of the underlying has expired. */
  readonly dayFor: (underlying: string) => string | null;
  /** A figure that legs were settled by gives way too. */
  readonly correct: boolean;
}

/**
 * Keeps figures of days whose sessions have ended. One that no leg was settled by gives way to another one for its day; one that
 * legs were settled by does if that is asked for, and they are settled anew; else the other one is told and changes nothing.
 */
export async function keepFigures(
  context: Context,
  db: Db,
  { account_id, closes, dayFor, correct }: Figures,
): Promise<Pick<Settled, "settled" | "replaced" | "differing">> {
  const done: Pick<Settled, "settled" | "replaced" | "differing"> = { settled: [], replaced: [], differing: [] };
  const underlyings = Object.keys(closes);
  if (underlyings.length === 0) return done;
  const known = await settlement.exchangesOf(db, { account_id, underlyings });
  const exchanges = Map.groupBy(known, ({ underlying }) => underlying);
  for (const [underlying, given] of Object.entries(closes)) {
    const day = dayFor(underlying);
    if (day === null)
      throw new StratctlError("input_invalid", `closes ${underlying}: no open contract of it has expired`, {
        hint: "give day, the day that the figure is of",
        details: { errors: [{ field: "closes", message: `${underlying}: no open contract of it has expired` }] },
      });
    const on = exchanges.get(underlying)?.map(({ exchange }) => exchange) ?? [EXCHANGE_DEFAULT];
    refuseUnended(context, { underlying, day, exchanges: on });
    const key = { account_id, underlying, day };
    const was = await settlement.closeOf(db, key);
    if (was === given) continue;
    const used = was === null ? [] : await settledBy(context, db, key);
    if (was !== null && used.length > 0 && !correct) {
      done.differing.push({ underlying, day, kept: was, given });
      continue;
    }
    await settlement.keepClose(db, { ...key, close: given });
    if (was === null) continue;
    done.replaced.push({ underlying, day, was, given });
    for (const leg of used) done.settled.push(await settledAnew(db, leg, unitsOf(given)));
  }
  return done;
}

/** What is told while an exchange trades is no closing figure; where several list it, it is one once all of them have ended. */
function refuseUnended(
  { calendar, now }: Context,
  { underlying, day, exchanges }: { underlying: string; day: string; exchanges: readonly string[] },
): void {
  const ends_ms = Math.max(...exchanges.map((exchange) => endOfDay(calendar, exchange, day)));
  if (ends_ms <= now()) return;
  const [date, time] = new Date(ends_ms + calendar.zone.offset_minutes * MINUTE_MS).toISOString().split("T");
  const message = `has not ended for ${underlying}: its closing figure is known from ${date} ${time?.slice(0, 5)} on`;
  throw new StratctlError("input_invalid", `day ${day} ${message}`, { details: { errors: [{ field: "day", message }] } });
}

async function settledBy({ calendar }: Context, db: Db, key: settlement.CloseKey): Promise<settlement.SettledContract[]> {
  const settled = await settlement.settledLegs(db, key);
  return settled.filter((leg) => lastDayOf(calendar, leg) === key.day);
}

async function settledAnew(db: Db, leg: settlement.SettledContract, close_units: number): Promise<SettledLeg> {
  const price_units = settlementUnits(kindOf(leg), close_units);
  if (price_units === null) throw new StratctlError("internal", `leg ${leg.id} was settled, and is of no kind that settles`);
  const value_units = BigInt(price_units) * BigInt(leg.quantity);
  const realized_units = BigInt(signOf(leg.direction)) * (BigInt(unitsOf(leg.cost)) - value_units);
  for (const units of [value_units, realized_units]) refuseTooLarge(units, leg.quantity);
  await settlement.writeExit(db, leg, { price_units: BigInt(price_units), value_units, realized_units });
  const now = await legs.find(db, { strategy_id: leg.strategy_id, instrument_id: leg.id });
  if (now === null) throw new StratctlError("internal", `leg ${leg.id} is gone while it was held`);
  return told(now, { ...kindOf(leg), price_units });
}

/** What settlement asks of a contract. */
export function kindOf(leg: settlement.OpenContract): Expiring & ContractKind {
  const { exchange, instrument_type, underlying_symbol: underlying, strike } = leg;
  return { exchange, instrument_type, underlying, strike_units: strike === null ? null : unitsOf(strike) };
}

/** A leg that was settled, as it is told. */
export function told(leg: Leg, { price_units, ...kind }: ContractKind & { price_units: number }): SettledLeg {
  return { ...leg, is_delivered: price_units > 0 && isDelivered(kind) };
}
