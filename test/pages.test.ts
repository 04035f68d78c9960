import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { temporaryEmbedded, type TemporaryDatabase } from "@stratctl/sdk/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool } from "../packages/sdk/src/store/db.ts";
import { startApi } from "./support/api.ts";
import { readExamples, type Example } from "./support/examples.ts";
import { embeddedServer, freshDatabase } from "./support/postgres.ts";
import { root } from "./support/source.ts";
import { MIGRATED } from "./support/store.ts";

/** Code on a page does what the page says, and all that a reader may copy compiles as strictly as the house. */

const { alone, fragments } = readExamples();
let database: TemporaryDatabase;

beforeAll(async () => {
  database = await temporaryEmbedded();
});
afterAll(() => database.remove());

describe("code of README and docs/", () => {
  const pages = alone.filter(({ place }) => place.includes(".md:"));
  const ofSdk = ({ place }: Example): boolean => place.startsWith("docs/sdk/");

  test.for(pages.filter((example) => !ofSdk(example)))("$place runs and prints what it says", (example) =>
    printsAsSaid(example, { STRATCTL_DATA: database.folder }),
  );

  test.for(pages.filter(ofSdk))("$place, on an empty database of its own", async (example) => {
    await using fresh = await freshDatabase(await embeddedServer(), MIGRATED);
    await printsAsSaid(example, { STRATCTL_URL: fresh.url });
  });

  test.for(pages.filter(ofSdk))("$place, over HTTP", async (example) => {
    await using fresh = await freshDatabase(await embeddedServer(), MIGRATED);
    const db = await openPool(fresh.url);
    try {
      await using api = await startApi({ db });
      await printsAsSaid(example, { STRATCTL_URL: api.url, STRATCTL_TOKEN: await api.token() });
    } finally {
      await db.close();
    }
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

async function printsAsSaid({ code, prints }: Example, variables: Readonly<Record<string, string>>): Promise<void> {
  const env = { ...process.env, STRATCTL_URL: "", DATABASE_URL: "", STRATCTL_ACCOUNT: "", STRATCTL_TOKEN: "", ...variables };
  const args = ["--input-type=module-typescript", "--eval", code];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env, timeout: 240_000 });
  expect(stderr).toBe("");
  if (prints !== null) expect(stdout.trimEnd().split("\n")).toEqual(prints);
}

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
