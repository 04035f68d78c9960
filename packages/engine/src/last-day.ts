import { parseInstrument, type BookInstrument } from "@stratctl/sdk/internal";
import { dayNumber } from "./hours.ts";

const NEVER = 2_147_483_647;

/** The expiry that a leg gives; of a monthly contract whose day nobody told, its month's last day: by then it is over. */
export function lastDay({ instrument, expiry }: Pick<BookInstrument, "instrument" | "expiry">): number {
  if (expiry !== null) return dayNumber(expiry);
  const month = monthOf(instrument);
  if (month === null) return NEVER;
  const [year, number] = month.split("-").map(Number);
  return Date.UTC(year ?? Number.NaN, number ?? Number.NaN, 0) / 86_400_000;
}

function monthOf(instrument: string): string | null {
  try {
    return parseInstrument(instrument).month;
  } catch {
    return null; // a symbol of another form is priced by its name all the same
  }
}
