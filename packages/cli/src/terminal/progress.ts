import { fit } from "./format.ts";
import type { Screen } from "./screen.ts";

/** A bar on standard error, for as long as something runs; nothing at all where that is no terminal. */
export interface Progress {
  /** `share` from 0 to 1, null where the end is not known; `text` says what is being done. */
  show(share: number | null, text: string): void;
  /** Takes the bar away, so that the report stands alone. */
  close(): void;
}

/** Frames a second are plenty at ten; a run that reports each sample must not spend its time drawing. */
const FRAME_MS = 100;
const CLEAR_LINE = "\r\u001B[2K";

export function openProgress(screen: Screen, now: () => number): Progress {
  let drawn_at = Number.NEGATIVE_INFINITY;
  return {
    show(share, text) {
      if (!screen.canDraw || now() - drawn_at < FRAME_MS) return;
      drawn_at = now();
      screen.note(CLEAR_LINE + fit(progressLine(share, text, screen.width), screen.width - 1));
    },
    close() {
      if (drawn_at !== Number.NEGATIVE_INFINITY) screen.note(CLEAR_LINE);
      drawn_at = Number.NEGATIVE_INFINITY;
    },
  };
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** ` ███████▌        42 %  text` */
export function progressLine(share: number | null, text: string, width: number): string {
  if (share === null) return ` ${text}`;
  const bounded = Math.min(Math.max(share, 0), 1);
  const room = Math.min(Math.max(Math.floor(width / 3), 4), 30);
  const eighths = Math.floor(bounded * room * 8);
  const bar = ("█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "")).padEnd(room);
  return ` ${bar} ${String(Math.floor(bounded * 100)).padStart(3)} %  ${text}`;
}
