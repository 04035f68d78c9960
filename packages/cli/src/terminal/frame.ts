import { displayWidth } from "./format.ts";
import type { Screen } from "./screen.ts";

/** A text at a terminal that is drawn again in its own place. */
export interface Frame {
  show(text: string): void;
  /** Takes it away, so that something else may be written in its place. */
  clear(): void;
}

/** A terminal that knows these shows what lies between them at once, and others pass over them. */
const BEGIN = "\u001B[?2026h";
const END = "\u001B[?2026l";

export function openFrame(screen: Screen): Frame {
  let drawn = "";
  // Lines that were drawn when the window was wider may be several by now.
  const back = (): string => {
    if (drawn === "") return "";
    const rows = drawn.split("\n").reduce((sum, line) => sum + Math.max(Math.ceil(displayWidth(line) / screen.width), 1), 0);
    return `\u001B[${Math.min(rows, screen.height - 1)}A\r\u001B[J`;
  };
  return {
    // One write a frame: what is written in parts is seen in parts.
    show(text) {
      const shown = text
        .split("\n")
        .slice(0, screen.height - 1)
        .join("\n");
      screen.print(`${BEGIN}${back()}${shown}\n${END}`);
      drawn = shown;
    },
    clear() {
      screen.print(back());
      drawn = "";
    },
  };
}
