import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Given } from "./commands/command.ts";
import { configFile, readConfig, surveyConfig } from "./config-file.ts";
import { readCredentials, settingsOf } from "./settings.ts";

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
  expect(await settingsOf({ flags: flagsOf({}), env: other, config: {} })).toMatchObject({
    url: "postgres://other/db",
    account_id: undefined,
  });
  // Undefined leaves it to the SDK, which knows the built-in database.
  expect(await settingsOf({ flags: flagsOf({}), env: {}, config: {} })).toMatchObject({ url: undefined });
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

test("each value says where it came from", async () => {
  const desk = { url: "https://desk.example", account: undefined, token_file: "/desk.token" };
  const config = { profile: "desk", profiles: new Map([["desk", desk]]), "http.port": "8090", "daemon.always": "true" };
  const env = { STRATCTL_HTTP_PORT: "8091", REDIS_URL: "redis://here", STRATCTL_SOURCES_ORDER: "ticker" };
  const { found, http, sources } = await settingsOf({ flags: flagsOf({ account: "A" }), env, config });
  expect(Object.fromEntries([...found].map(([key, { origin }]) => [key, origin]))).toEqual({
    url: "profile desk",
    token_file: "profile desk",
    account: "--account",
    redis_url: "REDIS_URL",
    "sources.order": "STRATCTL_SOURCES_ORDER",
    "daemon.always": "file",
    "http.port": "STRATCTL_HTTP_PORT",
  });
  expect([http, sources]).toEqual([{ port: "8091" }, { order: "ticker" }]);
});

test("REDIS_URL and TICKER_URL go before the file, and the variables of stratctl before them", async () => {
  const config = { redis_url: "redis://file", ticker_url: "http://file" };
  const env = { REDIS_URL: "redis://shared", TICKER_URL: "http://shared", STRATCTL_REDIS_URL: "redis://own" };
  expect(await settingsOf({ flags: flagsOf({}), env, config })).toMatchObject({ redis_url: "redis://own", ticker_url: "http://shared" });
});

test("a service's credentials go before the file, and after a variable made for stratctl", async () => {
  const directory = await mkdtemp(join(folder, "credentials-"));
  await writeFile(join(directory, "database_url"), "postgres://credential/db\n");
  await writeFile(join(directory, "jwt_secret"), "not read here");
  await writeFile(join(directory, "another's"), "no matter");
  const credentials = await readCredentials({ CREDENTIALS_DIRECTORY: directory });
  const config = { url: "postgres://file/db", profile: "desk", "http.jwt_secret_file": "/file" };
  expect(await settingsOf({ flags: flagsOf({}), env: {}, config, credentials })).toMatchObject({
    url: "postgres://credential/db",
    profile: null,
    http: { jwt_secret_file: join(directory, "jwt_secret") },
  });
  const env = { STRATCTL_URL: "postgres://env/db" };
  expect((await settingsOf({ flags: flagsOf({}), env, config, credentials })).url).toBe("postgres://env/db");
  await expect(readCredentials({ CREDENTIALS_DIRECTORY: join(folder, "none") })).rejects.toMatchObject({ code: "file_unusable" });
  expect(await readCredentials({})).toEqual(new Map());
});

test("the file is where config files are, or where STRATCTL_CONFIG says", () => {
  expect(configFile({ XDG_CONFIG_HOME: "/xdg" })).toBe("/xdg/stratctl/config.json");
  expect(configFile({ XDG_CONFIG_HOME: "/xdg", STRATCTL_CONFIG: "/mine.json" })).toBe("/mine.json");
  expect(configFile({})).toMatch(/\.config\/stratctl\/config\.json$/);
});

test("no file is an empty one; what is no key is left out and told, with the one that was meant", async () => {
  expect(await readConfig(join(folder, "none", "config.json"))).toEqual({});
  const file = join(folder, "later.json");
  await writeFile(file, '\uFEFF{"account":"XJ4540","colour":{"of":"later"},"redis_ulr":"x","http":{"port":1}}');
  const told: (string | null)[] = [];
  expect(await readConfig(file, (faults) => told.push(...faults.map(({ hint }) => hint)))).toEqual({ account: "XJ4540" });
  expect(told).toEqual([null, "did you mean redis_url?", 'write its settings one by one, like "http.host"']);
});

test("a value may be written as what it is", async () => {
  const file = join(folder, "typed.json");
  await writeFile(file, '{"http.port":8090,"daemon.always":true,"http.cors_origins":["https://a.example","https://b.example"]}');
  expect(await readConfig(file)).toEqual({
    "http.port": "8090",
    "daemon.always": "true",
    "http.cors_origins": "https://a.example,https://b.example",
  });
});

test("all that is wrong with a file is found at once", async () => {
  const file = join(folder, "faults.json");
  await writeFile(file, '{"url":{},"colour":1,"profiles":{"desk":{},"home":{"url":"https://home","colour":1}}}');
  expect((await surveyConfig(file)).faults.map(({ key }) => key)).toEqual(["url", "colour", "profiles.desk", "profiles.home.colour"]);
});

test("a key that is there twice is refused, with the lines, and not taken for one that is in another object or a value", async () => {
  const file = join(folder, "twice.json");
  await writeFile(
    file,
    `{ "url": "a", "account": "url", "redis_url": "{\\"url\\":1}",
  "profiles": {"desk": {"url": "https://desk"}, "home": {
    "url": "https://home", "token_file": "/t"}},
  "http.cors_origins": ["url", "account"], "ticker_url": "account" }`,
  );
  expect((await surveyConfig(file)).faults).toEqual([]);
  await writeFile(
    file,
    `\uFEFF{"http.port": 1, "account": "A",
  "profiles": {"desk": {"url": "https://desk",
    "\\u0075rl": "https://d\\"esk"}},
  "http.port": 2, "account": "B",

  "account": "C"}`,
  );
  expect((await surveyConfig(file)).faults.map(({ message }) => message)).toEqual([
    'has "profiles.desk.url" more than once, on lines 2 and 3',
    'has "http.port" more than once, on lines 1 and 4',
    'has "account" more than once, on lines 1, 4 and 6',
  ]);
  await expect(readConfig(file)).rejects.toMatchObject({ code: "file_unusable", hint: "keep one of them" });
  await writeFile(file, '{"url":"a","url":"b"}');
  expect((await surveyConfig(file)).faults.map(({ message }) => message)).toEqual(['has "url" more than once, on line 1']);
});

test("a file that cannot be understood is refused by name", async () => {
  const file = join(folder, "bad.json");
  for (const text of ["{", "[]", "7", '{"url":{}}', '{"profiles":7}', '{"profiles":{"desk":{}}}']) {
    await writeFile(file, text);
    await expect(readConfig(file)).rejects.toMatchObject({ code: "file_unusable", message: expect.stringContaining(file) });
  }
  await expect(readConfig(folder)).rejects.toMatchObject({ code: "file_unusable" });
});
