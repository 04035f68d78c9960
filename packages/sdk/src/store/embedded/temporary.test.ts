import { existsSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { firstLine, isRoot, rowsOf, startScript } from "../../../../../test/support/script.ts";
import { until } from "../../../../../test/support/server.ts";
import { embeddedStatus } from "../embedded.ts";
import { temporaryEmbedded } from "./temporary.ts";

const SCRIPT = `
  import { temporaryEmbedded } from ${JSON.stringify(new URL("temporary.ts", import.meta.url).href)};
  console.log((await temporaryEmbedded()).folder);
  setInterval(() => undefined, 1000);`;

test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)("a temporary database leaves nothing when its process ends by %s", async (signal) => {
  const child = startScript(SCRIPT, { group: true });
  const made = await firstLine(child);
  const { pid } = await embeddedStatus({ folder: made });
  process.kill(-(child.pid ?? Number.NaN), signal); // to all of its group, as a terminal does
  await until(
    async () => expect(existsSync(made) || existsSync(`/proc/${pid}`)).toBe(false),
    () => `${made} or process ${pid} is still there`,
  );
});

test("a temporary database leaves nothing when it is removed, and is removed once", async () => {
  const database = await temporaryEmbedded();
  expect(await rowsOf(database.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await database.remove();
  expect(existsSync(database.folder)).toBe(false);
  await database.remove();
});

test.skipIf(!isRoot)("root without user namespaces keeps even the data in the temporary folder", async () => {
  const child = startScript(SCRIPT, { env: { PATH: "/nonexistent" } });
  const made = await firstLine(child);
  expect((await lstat(join(made, "data"))).isSymbolicLink()).toBe(false);
  child.kill();
  await until(
    async () => expect(existsSync(made)).toBe(false),
    () => `${made} is still there`,
  );
});
