import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import type { Act } from "./commands/command.ts";
import { buildProgram } from "./program.ts";

const idle: Act = () => async () => undefined;
const leaves = leavesOf(buildProgram(idle), []);

describe.each(leaves)("stratctl $name", ({ name }) => {
  test("has a help with examples that fits 80 columns", () => {
    const help = helpOf(name);
    expect(help).toContain("Examples:");
    expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("has examples that it understands", async () => {
    const commands = [...helpOf(name).matchAll(/^ {2}\$ (.*?)(?: {4}#.*)?$/gm)].map(([, command = ""]) => command);
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const words = wordsOf(command);
      if (words === null) continue; // a shell's own
      await expect(quiet(buildProgram(idle)).parseAsync(words, { from: "user" }), command).resolves.toBeDefined();
    }
  });
});

test("all commands of the tree are described", () => {
  const nouns = {
    account: "add list show",
    strategy: "create list show update close exit archive",
    leg: "add list update close move remove",
    fill: "list add",
    daemon: "install uninstall status",
    calendar: "show check",
    instruments: "import search",
    db: "start stop status url migrate backup",
    config: "get set unset list show check path",
    profile: "add use list remove",
  };
  const verbs = Object.entries(nouns).flatMap(([noun, names]) => names.split(" ").map((verb) => `${noun} ${verb}`));
  const alone = [
    "doctor",
    "settle",
    "report",
    "export",
    "import",
    "mark",
    "m2m",
    "metrics",
    "status",
    "gaps",
    "quote",
    "daemon",
    "replay",
    "backfill",
    "record",
    "token",
  ];
  expect(leaves.map(({ name }) => name).toSorted()).toEqual([...verbs, ...alone].toSorted());
  expect(leaves.filter(({ command }) => command.description() === "")).toEqual([]);
});

test("a negative number is an argument, not an option: it is refused as what it is", async () => {
  const seen: string[][] = [];
  const act: Act = () =>
    async function () {
      seen.push(this.args);
    };
  await quiet(buildProgram(act)).parseAsync(["leg", "add", "condor", "BUY", "-5", "X", "--price", "-1"], { from: "user" });
  expect(seen).toEqual([["condor", "BUY", "-5", "X"]]);
});

function leavesOf(command: Command, path: readonly string[]): { name: string; command: Command }[] {
  return command.commands.flatMap((child) => {
    const name = [...path, child.name()];
    // A group is not run itself, but for the daemon, which is one and has commands beside it.
    const itself = child.commands.length === 0 || child.name() === "daemon" ? [{ name: name.join(" "), command: child }] : [];
    return [...itself, ...leavesOf(child, name)];
  });
}

/** What --help prints. */
function helpOf(name: string): string {
  let text = "";
  const root = buildProgram(idle);
  const command = leavesOf(root, []).find((leaf) => leaf.name === name)?.command;
  command?.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 }).outputHelp();
  return text;
}

function quiet(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) quiet(child);
  return command;
}

/** The words of an example that begins with stratctl and needs no shell; null for others. */
function wordsOf(command: string): string[] | null {
  if (!command.startsWith("stratctl ") || /[$|>]/.test(command)) return null;
  const words = command.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.slice(1).map((word) => word.replaceAll(/^["']|["']$/g, ""));
}
