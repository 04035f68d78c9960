import { readFile } from "node:fs/promises";
import type { Calendar } from "@stratctl/sdk";
import type { Settings } from "./settings.ts";

/**
 * The calendar of a configuration: the built-in one, a file of the user's over it, or the same for markets that never close.
 * Rejects with file_unusable, which names the file and its first fault.
 */
export async function readCalendar({ file, always }: { file: string | undefined; always: boolean }): Promise<Calendar> {
  const { alwaysOpen, builtinCalendar, calendarFrom, StratctlError } = await import("@stratctl/sdk");
  const read = async (path: string): Promise<Calendar> => {
    const text = await readCalendarText(path);
    try {
      return calendarFrom(text);
    } catch (cause) {
      if (!(cause instanceof StratctlError)) throw cause;
      const hint = `all of them: stratctl calendar check ${path}`;
      throw new StratctlError("file_unusable", `calendar file ${path}: ${cause.message}`, { hint, details: cause.details, cause });
    }
  };
  const calendar = file === undefined ? builtinCalendar() : await read(file);
  return always ? alwaysOpen(calendar) : calendar;
}

/** The calendar that commands go by, as the daemon of the same settings does. */
export async function calendarOf({ found }: Pick<Settings, "found">): Promise<Calendar> {
  const always = found.get("daemon.always")?.value.trim().toLowerCase() === "true";
  return readCalendar({ file: found.get("calendar_file")?.value, always });
}

/** Rejects with file_unusable. */
export async function readCalendarText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { StratctlError } = await import("@stratctl/sdk");
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new StratctlError("file_unusable", `calendar file ${file} cannot be read (${why})`, { hint: "is the path right?", cause });
  }
}
