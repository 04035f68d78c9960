import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadedBy } from "./support/loaded.ts";
import { root } from "./support/source.ts";

/** What a script or a command pays before it does anything: nothing of databases, prices or prompts is loaded until used. */

const HEAVY = [
  "pg",
  "ioredis",
  "undici",
  "fastify",
  "pino",
  "inquirer",
  "@inquirer/prompts",
  "cli-table3",
  "asciichart",
  "conf",
  "csv-parse",
];

const main = path.join(root, "packages", "cli", "src", "main.ts");

describe("loads nothing heavy", () => {
  test.for<[string, string[]]>([
    ["the SDK", ["--input-type=module", "-e", 'await import("@stratctl/sdk")']],
    ["stratctl --help", [main, "--help"]],
    ["stratctl --version", [main, "--version"]],
    ["stratctl leg add --help", [main, "leg", "add", "--help"]],
  ])("%s", ([, args]) => {
    const loaded = packagesLoadedBy(args);
    expect(HEAVY.filter((name) => loaded.has(name))).toEqual([]);
    expect(loaded.has("@stratctl/engine")).toBe(false);
  });
});

test("the spy sees what is loaded, imported or required", () => {
  const loaded = packagesLoadedBy(["--input-type=module", "-e", 'await import("pg"); await import("@stratctl/engine")']);
  expect([...loaded]).toEqual(expect.arrayContaining(["pg", "pg-protocol", "@stratctl/engine"]));
});

/** Names of the packages that a process loaded files of, the workspace's own included. */
function packagesLoadedBy(args: readonly string[]): Set<string> {
  return new Set(loadedBy(args).flatMap(packageOf));
}

function packageOf(url: string): string[] {
  const own = /\/packages\/(\w+)\/src\//.exec(url)?.[1];
  if (own !== undefined) return [own === "cli" ? "stratctl" : `@stratctl/${own}`];
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  return name === undefined ? [] : [name];
}
