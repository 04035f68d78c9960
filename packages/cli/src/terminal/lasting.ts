import { fstatSync, writeSync } from "node:fs";
import type { Screen } from "./screen.ts";

const STDOUT = 1;
const LINE_FEED = 10;

/**
 * Lines to standard output of what runs until it is stopped. A line that a file does not take, since its disk is full, is dropped;
 * `onLost` is told how many were, and why, once one is taken again. A pipe or a terminal is written to as by any other command.
 */
export function openLasting(screen: Screen, onLost: (lost: { count: number; code: string }) => void): (text: string) => void {
  if (!isFile(screen)) return (text) => screen.print(text);
  let count = 0;
  let code = "";
  /** Part of a line is there: what comes next begins on another. */
  let isCut = false;
  const write = (text: string): void => {
    const bytes = Buffer.from(isCut ? `\n${text}` : text);
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      if (done > 0) isCut = bytes[done - 1] !== LINE_FEED;
      if (count === 0) screen.note(`stratctl: cannot write to standard output (${codeOf(error)}); it goes on without\n`);
      count += 1;
      code = codeOf(error);
      return;
    }
    isCut = false;
    if (count === 0) return;
    const before = count;
    count = 0;
    onLost({ count: before, code });
    // Where there was no room for that either, it is told with the next.
    if (count > 0) count = before;
  };
  return write;
}

/** A disk, or a device: what fails to take a line and may take the next. */
function isFile({ isTerminal }: Screen): boolean {
  if (isTerminal) return false;
  try {
    const stat = fstatSync(STDOUT);
    return !stat.isFIFO() && !stat.isSocket();
  } catch {
    return false; // closed by whoever started us
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
