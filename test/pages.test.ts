import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { temporaryEmbedded, type TemporaryDatabase } from "@stratctl/sdk/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readExamples } from "./support/examples.ts";
import { root } from "./support/source.ts";

/** Code on a page does what the page says, and all that a reader may copy compiles as strictly as the house. */

const { alone, fragments } = readExamples();
let database: TemporaryDatabase;

beforeAll(async () => {
  database = await temporaryEmbedded();
});
afterAll(() => database.remove());

describe("code of README and docs/", () => {
  test.for(alone.filter(({ place }) => place.includes(".md:")))("$place runs and prints what it says", async ({ code, prints }) => {
    const env = { ...process.env, STRATCTL_DATA: database.folder, STRATCTL_URL: "", DATABASE_URL: "", STRATCTL_ACCOUNT: "" };
    const args = ["--input-type=module-typescript", "--eval", code];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env, timeout: 60_000 });
    expect(stderr).toBe("");
    if (prints !== null) expect(stdout.trimEnd().split("\n")).toEqual(prints);
  });

  test("stands alone: a reader can copy it as it is", () => {
    expect(fragments.map(({ place }) => place).filter((place) => place.includes(".md:"))).toEqual([]);
  });
});

test("every example compiles", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-examples-"));
  try {
    await Promise.all(alone.map(({ code }, place) => writeFile(path.join(folder, `${place}.mts`), `${code}\nexport {};\n`)));
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(strict()));
    const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    const where = (place: string, line: string): string => `${alone[Number(place)]?.place}, line ${line}: `;
    expect(stdout.replaceAll(/^.*?(\d+)\.mts\((\d+),\d+\): /gm, (_, place: string, line: string) => where(place, line))).toBe("");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

function strict(): object {
  const source = (name: string): string[] => [path.join(root, "packages", ...name.split("/"))];
  return {
    extends: path.join(root, "tsconfig.base.json"),
    compilerOptions: {
      noEmit: true,
      composite: false,
      rewriteRelativeImportExtensions: false,
      typeRoots: [path.join(root, "node_modules", "@types")],
      paths: {
        "@stratctl/sdk": source("sdk/src/index.ts"),
        "@stratctl/sdk/internal": source("sdk/src/internal.ts"),
        "@stratctl/engine": source("engine/src/index.ts"),
      },
    },
    include: ["*.mts"],
  };
}
