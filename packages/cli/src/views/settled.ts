import { readFile } from "node:fs/promises";
import { StratctlError, type Settled } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, counted, priceText } from "../terminal/format.ts";
import { priceOf } from "../terminal/typed.ts";
import { legDone } from "./legs.ts";

export function settledView({ settled, open, differing }: Settled, view: ViewOptions): string {
  const lines = [
    ...settled.map((leg) => `${legDone(leg, "Closed", view)}${leg.is_delivered ? "  · delivered: shares are due" : ""}`),
    ...unsettledLines({ open, differing }).map((line) => ` ${line}`),
  ];
  if (lines.length === 0) return "nothing has expired that is open";
  return [...lines, "", ` ${counted(settled.length, "leg")} settled, ${counted(open.length, "leg")} still open`].join("\n");
}

/** Legs that stay open, and figures that stay as they are, each with why. */
export function unsettledLines({ open, differing }: Pick<Settled, "open" | "differing">): string[] {
  return [
    ...open.map(({ leg_id, instrument, expiry, reason }) => `open ${leg_id}  ${clean(instrument)}, expired ${expiry}: ${clean(reason)}`),
    ...differing.map(
      ({ underlying, day, kept, given }) =>
        `${clean(underlying)} of ${day} stays ${priceText(kept)}, not ${priceText(given)}: legs were settled by it`,
    ),
  ];
}

export interface Figure {
  readonly underlying: string;
  readonly day: string | undefined;
  readonly close: number;
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
