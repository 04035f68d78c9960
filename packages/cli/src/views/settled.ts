import { readFile } from "node:fs/promises";
import { StratctlError, type Settled } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, counted, priceText } from "../terminal/format.ts";
import { priceOf } from "../terminal/typed.ts";
import { legDone } from "./legs.ts";

export function settledView({ settled, ...rest }: Settled, view: ViewOptions): string {
  const lines = [
    ...settled.map((leg) => `${legDone(leg, "Closed", view)}${leg.is_delivered ? "  · delivered: shares are due" : ""}`),
    ...unsettledLines(rest).map((line) => ` ${line}`),
  ];
  if (lines.length === 0) return "nothing has expired that is open";
  return [...lines, "", ` ${counted(settled.length, "leg")} settled, ${counted(rest.open.length, "leg")} still open`].join("\n");
}

/** Figures that were replaced, legs that stay open, and figures that stay as they are, each with why. */
export function unsettledLines({ open, replaced, differing }: Omit<Settled, "settled">): string[] {
  return [
    ...replaced.map(({ underlying, day, was, given }) => `${clean(underlying)} of ${day} is ${priceText(given)}, was ${priceText(was)}`),
    ...open.map(({ leg_id, instrument, expiry, reason }) => `open ${leg_id}  ${clean(instrument)}, expired ${expiry}: ${clean(reason)}`),
    ...differing.map(
      ({ underlying, day, kept, given }) =>
        `${clean(underlying)} of ${day} stays ${priceText(kept)}, not ${priceText(given)}: legs were settled by it; --correct settles them anew`,
    ),
  ];
}

export interface Figure {
  readonly underlying: string;
  readonly day: string | undefined;
  readonly close: number;
}

/**
 * One day has one figure of an underlying, whatever its value; without a day it is of the last expiry, which may be any of them.
 * Throws StratctlError input_invalid.
 */
export function refuseTwice(figures: readonly Figure[]): void {
  for (const [underlying, some] of Map.groupBy(figures, (figure) => figure.underlying)) {
    const days = new Set(some.map(({ day }) => day));
    if (days.size === some.length && !(days.has(undefined) && some.length > 1)) continue;
    const given = some.map(({ day, close }) => `${priceText(close)}${day === undefined ? "" : ` of ${day}`}`).join(", ");
    throw new StratctlError("input_invalid", `${clean(underlying)} has several figures: ${given}`, {
      hint: "give one for each underlying and day",
    });
  }
}

/** An end-of-day file: `underlying,close` or `underlying,day,close`, a header where there is one. Rejects with file_unusable, input_invalid. */
export async function figuresOf(file: string, day: string | undefined): Promise<Figure[]> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new StratctlError("file_unusable", `${file} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  return lines.flatMap((line, place) => {
    const cells = line.split(",").map((cell) => cell.trim());
    if (line.trim() === "" || (place === 0 && /^underlying$/i.test(cells[0] ?? ""))) return [];
    const [underlying = "", second = "", third] = cells;
    if (underlying === "" || second === "")
      throw new StratctlError("input_invalid", `${file}:${place + 1} is no figure`, {
        hint: "write lines like NIFTY,24500.25 or NIFTY,2026-11-17,24500.25",
      });
    const close = priceOf(third ?? second, { name: `${file}:${place + 1} close` });
    return [{ underlying: underlying.toUpperCase(), day: third === undefined ? day : second, close }];
  });
}
