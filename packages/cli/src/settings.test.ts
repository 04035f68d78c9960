import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Given } from "./commands/command.ts";
import { configFile, readConfig, settingsOf } from "./settings.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratctl-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

const flagsOf = (flags: Record<string, string>): Given => ({
  argument: () => undefined,
  all: [],
  text: (name) => flags[name],
  list: () => undefined,
  isSet: () => false,
  isUnset: () => false,
});

test("a flag goes before the variable of stratctl, that before the file, and the file before DATABASE_URL", () => {
  const config = { url: "postgres://file/db", account: "FILE" };
  const env = { STRATCTL_URL: "postgres://env/db", STRATCTL_ACCOUNT: "ENV", DATABASE_URL: "postgres://other/db" };
  const flags = flagsOf({ url: "postgres://flag/db", account: "FLAG" });
  expect(settingsOf({ flags, env, config })).toMatchObject({ url: "postgres://flag/db", account_id: "FLAG" });
  expect(settingsOf({ flags: flagsOf({}), env, config })).toMatchObject({ url: "postgres://env/db", account_id: "ENV" });
  const other = { DATABASE_URL: "postgres://other/db" };
  expect(settingsOf({ flags: flagsOf({}), env: other, config })).toMatchObject({ url: "postgres://file/db", account_id: "FILE" });
  // Undefined leaves it to the SDK, which knows DATABASE_URL and the built-in database.
  expect(settingsOf({ flags: flagsOf({}), env: other, config: {} })).toMatchObject({ url: undefined, account_id: undefined });
});

test("a variable that is set to nothing is not set", () => {
  const config = { url: "postgres://file/db", redis_url: "redis://file" };
  expect(settingsOf({ flags: flagsOf({}), env: { STRATCTL_URL: "", REDIS_URL: "" }, config })).toMatchObject({
    url: "postgres://file/db",
    redis_url: "redis://file",
  });
});

test("the file is where config files are, or where STRATCTL_CONFIG says", () => {
  expect(configFile({ XDG_CONFIG_HOME: "/xdg" })).toBe("/xdg/stratctl/config.json");
  expect(configFile({ XDG_CONFIG_HOME: "/xdg", STRATCTL_CONFIG: "/mine.json" })).toBe("/mine.json");
  expect(configFile({})).toMatch(/\.config\/stratctl\/config\.json$/);
});

test("no file is an empty one; a key of a later version is left alone", async () => {
  expect(await readConfig(join(folder, "none", "config.json"))).toEqual({});
  const file = join(folder, "later.json");
  await writeFile(file, '\uFEFF{"account":"XJ4540","colour":{"of":"later"}}');
  expect(await readConfig(file)).toEqual({ account: "XJ4540" });
});

test("a file that cannot be understood is refused by name", async () => {
  const file = join(folder, "bad.json");
  for (const text of ["{", "[]", "7", '{"url":7}']) {
    await writeFile(file, text);
    await expect(readConfig(file)).rejects.toMatchObject({ code: "file_unusable", message: expect.stringContaining(file) });
  }
  await expect(readConfig(folder)).rejects.toMatchObject({ code: "file_unusable" });
});
