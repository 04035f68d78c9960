import { z } from "zod";

/** An instant on the wire and in the SDK: ISO 8601 with a zone. What we write is UTC: `2025-07-31T03:45:00Z`. */
export const Instant = z.iso.datetime({ offset: true });

/** A calendar day without a zone, of an exchange or an expiry: `2025-07-31`. */
export const Day = z.iso.date();

/** Milliseconds since the epoch as an instant in UTC, without milliseconds where they are 0. */
export function isoOf(at_ms: number): string {
  return new Date(at_ms).toISOString().replace(".000Z", "Z");
}

const NOT_AN_INSTANT = { error: "is not an instant; write it with its zone, like 2025-07-31T09:15:00+05:30, or as epoch seconds" };
/** Seconds or milliseconds since the epoch, at most 13 digits: the year 2286. */
const Epoch = z.number().refine((epoch) => Number.isInteger(epoch) && epoch >= 0 && epoch < 1e13, NOT_AN_INSTANT);

/** An instant that a caller may give: ISO 8601 with a zone, epoch seconds, or epoch milliseconds (from 10^11 on). In UTC it is of the years 0 to 9999. */
export const InstantInput = z.union([Instant, Epoch, z.string().regex(/^\d{1,13}$/)], NOT_AN_INSTANT).transform((given, context) => {
  const isText = typeof given === "string" && !/^\d+$/.test(given);
  const epoch = Number(given);
  const instant = isoOf(isText ? Date.parse(given) : epoch >= 1e11 ? epoch : epoch * 1000);
  if (/^\d{4}-/.test(instant)) return instant;
  context.addIssue({ code: "custom", message: "is not within the years 0 to 9999 in UTC" });
  return z.NEVER;
});

const IN_UTC = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?\+00$/;

/**
 * A text of `timestamptz`, `2025-07-31 03:45:00.123+00`, as an instant; null where it is anything else. By way of a Date it would
 * cost twice as much to read.
 */
export function instantOfColumn(text: string): string | null {
  if (!IN_UTC.test(text)) return null;
  const instant = `${text.slice(0, 10)}T${text.slice(11, 19)}`;
  const milliseconds = text.length === 22 ? ".000" : text.slice(19, -3).padEnd(4, "0").slice(0, 4);
  return milliseconds === ".000" ? `${instant}Z` : `${instant}${milliseconds}Z`;
}

/** `timestamptz` as Postgres sends it to a session in UTC. */
export const InstantColumn = z.string().transform((text, context) => {
  const instant = instantOfColumn(text);
  if (instant !== null) return instant;
  context.addIssue({ code: "custom", message: `${text} is not an instant in UTC` });
  return z.NEVER;
});
