import { builtinCalendar, dayOf } from "@stratctl/sdk/internal";

/**
 * What to try next, on a database of one's own: as often as one likes, whenever that is, without a price of anybody's. Money in
 * whole rupees.
 */
export function nextCommands({ now_ms, price }: { now_ms: number; price: number }): string[] {
  return [
    "account add MINE --if-missing",
    'strategy create "First try" --if-missing --account MINE',
    `leg add "First try" BUY 1lot ${nextFuture(now_ms)} --price ${price} --account MINE`,
  ];
}

/** NIFTY's future of next month, which on no day of this one has expired. */
function nextFuture(now_ms: number): string {
  const [year = NaN, month = NaN] = dayOf(builtinCalendar(), now_ms).split("-").map(Number);
  const next = new Date(Date.UTC(year, month)); // months count from 0 here, from 1 in a day
  const name = next.toLocaleString("en-US", { month: "short", timeZone: "UTC" }).toUpperCase();
  return `NIFTY${String(next.getUTCFullYear() % 100).padStart(2, "0")}${name}FUT`;
}
