import { access, constants, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Calendar, CalendarWarning } from "@stratctl/sdk";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** Folders of this machine that stratctl writes to, and how full their disks are. */
export async function lookAtFolders(folders: readonly string[]): Promise<Finding[]> {
  const findings = await Promise.all(folders.map(folderFinding));
  const troubles = findings.flatMap((finding) => finding ?? []);
  return [...(troubles.length > 0 ? troubles : [ok("permissions", folders.join(", "))]), ...(await diskFindings(folders))];
}

/** The folders of the built-in database and of the spool. */
export async function foldersOf({
  spool_folder,
  is_builtin,
}: {
  spool_folder: string | undefined;
  is_builtin: boolean;
}): Promise<string[]> {
  const { embeddedFolder } = await import("@stratctl/sdk/internal");
  const spool = spool_folder ?? join(embeddedFolder(), "spool");
  return is_builtin ? [join(embeddedFolder(), "data"), spool] : [spool];
}

/** Null where nothing is wrong; one that is not there yet is made when it is needed. */
async function folderFinding(folder: string): Promise<Finding | null> {
  const there = await nearestThere(folder);
  const isIt = there === folder;
  try {
    await access(there, constants.W_OK | constants.X_OK | (isIt ? constants.R_OK : 0));
  } catch {
    return fail("permissions", `${folder} cannot be written${isIt ? "" : `, for ${there} cannot`}`, {
      advice: "run as its owner, or name another: STRATCTL_DATA, daemon.spool_folder",
      code: "file_unusable",
    });
  }
  if (!isIt) return null;
  const { mode } = await stat(folder);
  if ((mode & 0o077) === 0 || process.platform === "win32") return null;
  return warn("permissions", `${folder} is open to others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`, `chmod 700 ${folder}`);
}

/** The folder, or the nearest above it that is there. */
async function nearestThere(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  return found !== null || dirname(folder) === folder ? folder : nearestThere(dirname(folder));
}

/** A year of a strategy's minutes takes some 20 MB; Postgres stops where it cannot write its log. */
const FREE_BYTES_WARN = 1_000_000_000;
const FREE_BYTES_FAIL = 100_000_000;

async function diskFindings(folders: readonly string[]): Promise<Finding[]> {
  const places = [...new Set(await Promise.all(folders.map(nearestThere)))];
  const disks = await Promise.all(
    places.map(async (place) => {
      const [{ dev }, { bavail, bsize }] = await Promise.all([stat(place), statfs(place)]);
      return { place, dev, free_bytes: bavail * bsize };
    }),
  );
  const own = disks.filter(({ dev }, index) => disks.findIndex((other) => other.dev === dev) === index);
  return own.map(({ place, free_bytes }) => diskFinding(place, free_bytes));
}

export function diskFinding(place: string, free_bytes: number): Finding {
  const told = `${(free_bytes / 1_000_000_000).toFixed(1)} GB are free where ${place} is`;
  const advice = "make room, or move it: STRATCTL_DATA, daemon.spool_folder";
  if (free_bytes < FREE_BYTES_FAIL) return fail("disk", told, { advice, code: "file_unusable" });
  return free_bytes < FREE_BYTES_WARN ? warn("disk", told, advice) : ok("disk", told);
}

/** Candles that the spool keeps wait for a daemon that writes them; those that one set aside, for somebody who looks after them. */
export async function lookAtSpool(folder: string): Promise<Finding[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const [aside = [], waiting = []] = [true, false].map((is_aside) =>
    entries.filter((entry) => /\.(refused|unreadable)$/.test(entry.name) === is_aside && (is_aside || entry.isFile())),
  );
  const findings: Finding[] = [];
  if (waiting.length > 0)
    findings.push(
      warn("spool", `candles wait in ${folder}: files, ${waiting.length}`, "a daemon on their database writes them: stratctl daemon"),
    );
  if (aside.length > 0) {
    const told = `candles were set aside in ${folder}: files, ${aside.length}: ${aside[0]?.name ?? ""}${aside.length > 1 ? " …" : ""}`;
    findings.push(warn("spool", told, "renamed without their last ending they are tried again; else remove them: docs/service.md"));
  }
  return findings;
}

/** What the calendar does not know of the days ahead. */
export function calendarFindings(calendar: Calendar, warnings: readonly CalendarWarning[]): Finding[] {
  if (calendar.is_always_open) return [ok("calendar", "no exchange ever closes: daemon.always")];
  if (warnings.length === 0) return [ok("calendar", `known for the days ahead: ${[...calendar.exchanges.keys()].join(", ")}`)];
  return warnings.map(({ text }) => warn("calendar", text, "a newer version, or a file of your own: calendar_file, docs/calendar.md"));
}
