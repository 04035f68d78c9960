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

test("a flag goes before the variable of stratctl, that before the file, and the file before DATABASE_URL", async () => {
  const config = { url: "postgres://file/db", account: "FILE" };
  const env = { STRATCTL_URL: "postgres://env/db", STRATCTL_ACCOUNT: "ENV", DATABASE_URL: "postgres://other/db" };
  const flags = flagsOf({ url: "postgres://flag/db", account: "FLAG" });
  expect(await settingsOf({ flags, env, config })).toMatchObject({ url: "postgres://flag/db", account_id: "FLAG" });
  expect(await settingsOf({ flags: flagsOf({}), env, config })).toMatchObject({ url: "postgres://env/db", account_id: "ENV" });
  const other = { DATABASE_URL: "postgres://other/db" };
  expect(await settingsOf({ flags: flagsOf({}), env: other, config })).toMatchObject({ url: "postgres://file/db", account_id: "FILE" });
  // Undefined leaves it to the SDK, which knows DATABASE_URL and the built-in database.
  expect(await settingsOf({ flags: flagsOf({}), env: other, config: {} })).toMatchObject({ url: undefined, account_id: undefined });
});

test("a URL goes before a profile of its kind, and a profile before what comes later", async () => {
  const desk = { url: "https://desk.example", account: "DESK", token_file: "/desk.token" };
  const home = { url: "https://home.example", account: undefined, token_file: undefined };
  const config = {
    url: "https://file",
    token_file: "/file.token",
    profile: "home",
    profiles: new Map(Object.entries({ desk, home })),
  };
  const of = (flags: Record<string, string>, env: Record<string, string> = {}) => settingsOf({ flags: flagsOf(flags), env, config });
  const both = { STRATCTL_URL: "https://env", STRATCTL_PROFILE: "desk" };
  expect(await of({ url: "https://flag", profile: "desk" }, both)).toMatchObject({
    url: "https://flag",
    profile: null,
    token_file: "/file.token",
  });
  expect(await of({ profile: "desk" }, both)).toMatchObject({
    url: desk.url,
    profile: "desk",
    token_file: "/desk.token",
    account_id: "DESK",
  });
  expect(await of({}, both)).toMatchObject({ url: "https://env", profile: null });
  expect(await of({}, { STRATCTL_PROFILE: "desk" })).toMatchObject({ url: desk.url, profile: "desk" });
  // The token of the file is not for the server of a profile that has none.
  expect(await of({})).toMatchObject({ url: home.url, profile: "home", token_file: undefined });
  const unused = { ...config, profile: "" };
  expect(await settingsOf({ flags: flagsOf({}), env: {}, config: unused })).toMatchObject({
    url: "https://file",
    token_file: "/file.token",
  });
});

test("a token of a variable goes before a kept one, unless a file or a profile is asked for", async () => {
  const desk = { url: "https://desk.example", account: undefined, token_file: "/desk.token" };
  const config = { profile: "desk", profiles: new Map([["desk", desk]]) };
  const env = { STRATCTL_TOKEN: "from the variable" };
  expect((await settingsOf({ flags: flagsOf({}), env, config })).token_file).toBeUndefined();
  expect((await settingsOf({ flags: flagsOf({ profile: "desk" }), env, config })).token_file).toBe("/desk.token");
  expect((await settingsOf({ flags: flagsOf({ tokenFile: "/mine" }), env, config })).token_file).toBe("/mine");
});

test("a profile that is not there is refused with those that are", async () => {
  const config = { profiles: new Map([["desk", { url: "https://desk.example", account: undefined, token_file: undefined }]]) };
  await expect(settingsOf({ flags: flagsOf({ profile: "dusk" }), env: {}, config })).rejects.toMatchObject({
    code: "profile_unknown",
    hint: "there are desk",
  });
  await expect(settingsOf({ flags: flagsOf({ profile: "__proto__" }), env: {}, config: {} })).rejects.toMatchObject({
    code: "profile_unknown",
  });
});

test("a variable that is set to nothing is not set", async () => {
  const config = { url: "postgres://file/db", redis_url: "redis://file" };
  expect(await settingsOf({ flags: flagsOf({}), env: { STRATCTL_URL: "", REDIS_URL: "" }, config })).toMatchObject({
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
  for (const text of ["{", "[]", "7", '{"url":7}', '{"profiles":7}', '{"profiles":{"desk":{}}}']) {
    await writeFile(file, text);
    await expect(readConfig(file)).rejects.toMatchObject({ code: "file_unusable", message: expect.stringContaining(file) });
  }
  await expect(readConfig(folder)).rejects.toMatchObject({ code: "file_unusable" });
});
