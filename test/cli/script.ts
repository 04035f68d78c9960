import type { Outcome } from "./shell.ts";

/**
 * A golden script is a terminal session in a file: `$ command`, what it prints, `2> ` before each line of standard error,
 * `exit N` where that is not 0, and comments and blank lines between.
 */
export type Step = { readonly comment: string } | { readonly command: string };

/** The commands and comments of a script; what they printed is to be found out anew. */
export function stepsOf(script: string): Step[] {
  const steps: Step[] = [];
  for (const line of script.split("\n")) {
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2) });
    // A comment stands before a command; one within an output is part of it.
    else if (line.startsWith("#")) steps.push({ comment: line });
  }
  return steps;
}

/** A script as it went: to be equal to the file, or to be written over it. */
export async function scriptOf(steps: readonly Step[], run: (command: string) => Promise<Outcome>): Promise<string> {
  const parts: string[] = [];
  for (const step of steps) {
    if ("comment" in step) parts.push(`${step.comment}\n`);
    else parts.push(`$ ${step.command}\n${textOf(await run(step.command))}\n`);
  }
  return `${parts.join("").trimEnd()}\n`;
}

function textOf({ stdout, stderr, exit }: Outcome): string {
  const errors = stderr === "" ? [] : linesOf(stderr).map((line) => `2> ${line}`);
  return [...linesOf(stdout), ...errors, ...(exit === 0 ? [] : [`exit ${exit}`])].map((line) => `${line}\n`).join("");
}

/** A last line without its end says so, since a script would not show it. */
function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop();
  return last === undefined || last === "" ? lines : [...lines, `${last}\\`];
}

/** Instants of the test's own time and its folder are other ones each time. */
export function withoutChance(text: string, { folder, now_ms }: { folder: string; now_ms: number }): string {
  return text
    .replaceAll(folder, "<folder>")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (at) => (Math.abs(Date.parse(at) - now_ms) < 3_600_000 ? "<now>" : at));
}
