import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultOf, schemaKeys } from "../../packages/cli/src/configuration.ts";
import { CONFIG_KEYS, factsOf, variableOf } from "../../packages/cli/src/keys.ts";

test("every setting of the schema can be kept, and no other", () => {
  expect([...CONFIG_KEYS]).toEqual(schemaKeys());
});

/** A row of docs/configuration.md as the code would write it. */
const rowOf = (key: (typeof CONFIG_KEYS)[number]): string => {
  const { about, credential } = factsOf(key);
  const value = defaultOf(key);
  const named = credential === undefined ? "" : ` \`${credential}\``;
  return `| \`${key}\` | \`${variableOf(key)}\` |${named} |${value === null ? "" : ` \`${value}\``} | ${about} |`;
};

test("docs/configuration.md has a row for each, with its variable, its credential and its default", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/configuration.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| `[a-z0-9_.]+` \| `STRATCTL_/.test(line));
  expect(rows).toEqual(CONFIG_KEYS.map(rowOf));
});
