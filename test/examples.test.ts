import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryEmbedded, type TemporaryDatabase } from "../packages/sdk/src/store/embedded/temporary.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
let embedded: Promise<TemporaryDatabase> | undefined;
afterAll(async () => {
  await (await embedded)?.remove();
});

describe("every script of examples/ runs on an empty built-in database, and again on its own", () => {
  test.each(globSync("examples/*.ts", { cwd: root }).toSorted())("%s", async (file) => {
    const first = await script(join(root, file));
    expect(first.stdout).not.toBe("");
    expect(first.stderr).toBe("");
    expect(await script(join(root, file))).toEqual(first);
  });
});

describe("every @example of the SDK runs, and prints what its comments say", () => {
  test.each(blocks())("$name", async ({ code }) => {
    const { stdout, stderr } = await script("--input-type=module-typescript", "--eval", code);
    expect(stderr).toBe("");
    const promised = [...code.matchAll(/^\s*console\.log\(.*\);\s*\/\/ (.+)$/gm)].map((match) => match[1]);
    if (promised.length > 0) expect(stdout.trim().split("\n")).toEqual(promised);
  });
});

async function script(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { folder } = await (embedded ??= temporaryEmbedded());
  const env = { ...process.env, STRATCTL_DATA: folder, STRATCTL_URL: "", DATABASE_URL: "", STRATCTL_ACCOUNT: "", NODE_OPTIONS: "" };
  return run(process.execPath, args, { cwd: root, env, timeout: 240_000 });
}

/** The @example blocks of the SDK's sources that import it, as a reader would paste them. */
function blocks(): { name: string; code: string }[] {
  return globSync("packages/sdk/src/**/*.ts", { cwd: root })
    .filter((file) => !file.endsWith(".test.ts"))
    .toSorted()
    .flatMap((file) => blocksOf(file));
}

function blocksOf(file: string): { name: string; code: string }[] {
  const source = readFileSync(join(root, file), "utf8");
  return [...source.matchAll(/@example\n((?: \*(?: .*)?\n)+?)(?= \*\/| \* @)/g)]
    .map((match) => (match[1] ?? "").replace(/^ \* ?/gm, "").trim())
    .filter((code) => code.includes('from "@stratctl/sdk"'))
    .map((code, place) => ({ name: `${file}, example ${place + 1}`, code }));
}
