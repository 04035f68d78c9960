import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS } from "@stratctl/sdk";
import { buildProgram } from "../../packages/cli/src/program.ts";

/** docs/cli.md says what the code does. */

const page = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");

test("every code stands beside its exit status", () => {
  const told = [...page.matchAll(/^\| (\d+) \|[^|]*\| (.*) \|$/gm)].flatMap(([, status, codes = ""]) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
  );
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(Object.entries(ERRORS).map(([code, { exit }]) => [code, exit])));
});

test("every command is in the table", () => {
  const table = page.slice(page.indexOf("| Command"), page.indexOf("\n- A strategy"));
  const program = buildProgram(() => async () => undefined);
  for (const command of program.commands) {
    if (command.name() === "help") continue;
    const rows = table.split("\n").filter((line) => line.startsWith(`| \`${command.name()} `));
    expect(rows, command.name()).not.toEqual([]);
    for (const child of command.commands)
      expect(rows.join("\n"), `${command.name()} ${child.name()}`).toMatch(new RegExp(`\\b${child.name()}\\b`));
  }
});
