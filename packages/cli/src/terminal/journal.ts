import { fstatSync } from "node:fs";
import type { Environment } from "./screen.ts";

/** Whether a stream of this process is systemd's journal: a file or a pipe behind it is not, though the variable is inherited. */
export function isJournal(stream: number, { JOURNAL_STREAM }: Environment): boolean {
  if (!JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(stream);
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false; // closed by whoever started us
  }
}

/** Lines that the journal keeps as errors: it takes each for a thing of its own. */
export function asErrors(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "<3>");
}
