import { builtinCalendar } from "@stratctl/sdk";
import { MINUTE_MS } from "@stratctl/sdk/internal";

/** Instants as a trader reads them: in the exchanges' zone, whatever that of the machine. */

/** Said once a view, so that no time stands without its zone: the calendar's, as India calls it. */
export const ZONE = "IST";

function local(at_ms: number): string {
  return new Date(at_ms + builtinCalendar().zone.offset_minutes * MINUTE_MS).toISOString();
}

/** `15:30` */
export function minuteText(at_ms: number): string {
  return local(at_ms).slice(11, 16);
}

/** `15:30:04` */
export function secondText(at_ms: number): string {
  return local(at_ms).slice(11, 19);
}

/** `Thu 31 Jul 2025`, of an instant or of a day like `2025-07-31`. */
export function dayText(when: number | string): string {
  const day = typeof when === "number" ? local(when).slice(0, 10) : when;
  const parts = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return parts
    .formatToParts(new Date(`${day}T00:00:00Z`))
    .filter(({ type }) => type !== "literal")
    .map(({ value }) => value.replace("Sept", "Sep"))
    .join(" ");
}

/** `31 Jul`, or with its year where it is another than that of `now_ms`: `31 Jul 2025`. */
export function shortDayText(at_ms: number, now_ms: number): string {
  const [, ...rest] = dayText(at_ms).split(" ");
  return (local(at_ms).slice(0, 4) === local(now_ms).slice(0, 4) ? rest.slice(0, 2) : rest).join(" ");
}

/** The time of an instant of today, else its day and time: `15:29:59`, `31 Jul 15:29`. */
export function whenText(at_ms: number, now_ms: number): string {
  if (local(at_ms).slice(0, 10) === local(now_ms).slice(0, 10)) return secondText(at_ms);
  return `${shortDayText(at_ms, now_ms)} ${minuteText(at_ms)}`;
}
