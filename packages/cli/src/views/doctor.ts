import type { Finding } from "../doctor/finding.ts";
import type { ViewOptions } from "../output.ts";
import { clean, displayWidth, paint, type Tone } from "../terminal/format.ts";

const TONES: Readonly<Record<Finding["state"], Tone>> = { ok: "gain", warn: "warning", fail: "loss" };
/** `configuration` is the longest word. */
const LABEL = 14;
const STATE = 5;

/** A finding a line, and below it what to do. */
export function doctorView(findings: readonly Finding[], { width, color }: ViewOptions): string {
  const room = Math.max(20, width - STATE - LABEL - 1);
  const lines = findings.flatMap(({ what, state, told, advice }) => {
    const [first = "", ...more] = wrapped(clean(told), room);
    const indent = " ".repeat(STATE + LABEL + 1);
    const todo = advice === null ? [] : wrapped(`→ ${clean(advice)}`, room);
    return [
      ` ${paint(state.padEnd(STATE), TONES[state], color)}${what.padEnd(LABEL)}${first}`,
      ...more.map((text) => `${indent}${text}`),
      ...todo.map((text) => `${indent}${paint(text, "faint", color)}`),
    ];
  });
  const counts = (["fail", "warn"] as const).flatMap((state) => {
    const count = findings.filter((finding) => finding.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return [...lines, "", counts.length === 0 ? " all is well" : ` ${counts.join(" · ")}`].join("\n");
}

/** Broken between words; a word alone too long is left long. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && displayWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
