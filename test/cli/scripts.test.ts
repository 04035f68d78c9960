import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scriptOf, stepsOf, withoutChance } from "./script.ts";
import { openShell, type Behind } from "./shell.ts";

/**
 * Terminal sessions of the real binary. `npx -y pnpm@12.4.2 exec vitest run test/cli -u` writes what is printed now over the
 * scripts: read the difference like code.
 */

const FOLDER = join(import.meta.dirname, "scripts");
const BEHIND: Readonly<Record<string, Behind>> = { "builtin.txt": "built-in", "behind.txt": "empty", "older.txt": "older" };
const names = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

test.each(names)("%s", async (name) => {
  await using shell = await openShell({ behind: BEHIND[name] ?? "migrated" });
  const script = await scriptOf(stepsOf(readFileSync(join(FOLDER, name), "utf8")), (line) => shell.run(line));
  const plain = withoutChance(script, { folder: shell.folder, now_ms: Date.now() });
  await expect(plain).toMatchFileSnapshot(`scripts/${name}`);
});

describe("a golden script", () => {
  const script = ["# first", "$ stratctl one", "out", "2> stratctl: wrong", "exit 2", "", "$ stratctl two", ""].join("\n");

  test("is read by its commands and comments, and written as it went", async () => {
    const ran: string[] = [];
    const again = await scriptOf(stepsOf(script), (line) => {
      ran.push(line);
      const isFirst = line.endsWith("one");
      return Promise.resolve({ stdout: isFirst ? "out\n" : "", stderr: isFirst ? "stratctl: wrong\n" : "", exit: isFirst ? 2 : 0 });
    });
    expect(ran).toEqual(["stratctl one", "stratctl two"]);
    expect(again).toBe(script.replace(/\n$/, "\n"));
  });

  test("says where a line has no end, and forgets what is another each time", async () => {
    expect(await scriptOf([{ command: "x" }], () => Promise.resolve({ stdout: "no end", stderr: "", exit: 0 }))).toBe("$ x\nno end\\\n");
    const now_ms = Date.parse("2026-01-02T03:04:05Z");
    const text = "/tmp/here/a 2026-01-02T03:04:06.123Z 2025-07-31T03:45:00Z";
    expect(withoutChance(text, { folder: "/tmp/here", now_ms })).toBe("<folder>/a <now> 2025-07-31T03:45:00Z");
  });
});
