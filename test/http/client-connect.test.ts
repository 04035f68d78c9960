import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { connect, type ConnectOptions } from "../../packages/sdk/src/index.ts";
import { databaseUrl } from "../../packages/sdk/src/connect.ts";
import { loadedBy } from "../support/loaded.ts";
import { refused } from "../support/refused.ts";
import { json, playServer } from "./played-server.ts";

afterEach(() => vi.unstubAllEnvs());

/** The authorization that a first call sends. */
async function sent(options: ConnectOptions = {}): Promise<string | undefined> {
  await using server = await playServer((response) => json(response, []));
  await using stratctl = await connect({ url: server.url, ...options });
  await stratctl.accounts.list({});
  return server.asked[0]?.headers.authorization;
}

describe("the URL of a server", () => {
  test("comes from the environment where none is given, with its path and the account", async () => {
    await using server = await playServer((response) => json(response, []));
    vi.stubEnv("STRATCTL_URL", `${server.url}/tradingview-api`);
    vi.stubEnv("STRATCTL_ACCOUNT", "XJ4540");
    await using stratctl = await connect();
    await stratctl.strategies.list({});
    for await (const candle of stratctl.strategies.m2m.each({ strategy_id: 7, from_time: "2025-07-31T03:45:00Z" }))
      expect(candle).toBeNull();
    expect(server.asked.map(({ url }) => url)).toEqual([
      "/tradingview-api/strategies?account_id=XJ4540",
      "/tradingview-api/strategies/7/m2m?account_id=XJ4540&from_time=2025-07-31T03:45:00Z&limit=5000",
    ]);
  });

  test.for<[string, string]>([
    ["http://me:sesame@127.0.0.1:1", "holds a user or a password"],
    ["https://sesame@host", "holds a user or a password"],
    ["https://host/path?key=sesame", "has a query or a fragment"],
    ["https://host/#sesame", "has a query or a fragment"],
    ["http:sesame", "is not https://host:port"],
    ["https://", "is not https://host:port"],
  ])("%s is refused", async ([url, message]) => {
    await refused(connect({ url }), "url_invalid", message);
  });

  test("http:// takes a token no further than this machine, unless that is said", async () => {
    const token = "sesame";
    await refused(
      connect({ url: "http://example.test:8081/a", token }),
      "url_invalid",
      "http://example.test:8081 is not encrypted",
      "insecure_http",
    );
    await refused(connect({ url: "http://127.0.0.1.example.test", getToken: () => token }), "url_invalid", "is not encrypted");
    for (const url of ["https://example.test", "http://localhost:1", "http://127.1.2.3:1", "http://[::1]:1", "HTTP://LOCALHOST:1"])
      await (await connect({ url, token })).close();
    await (await connect({ url: "http://example.test" })).close();
    await (await connect({ url: "http://example.test", token, insecure_http: true })).close();
    vi.stubEnv("STRATCTL_INSECURE_HTTP", "1");
    await (await connect({ url: "http://example.test", token })).close();
  });

  test("is none of a database: what works on that says so in one line", () => {
    expect(() => databaseUrl({ url: "https://me:sesame@host" })).toThrow(
      "this works on the database itself, and the URL is that of a server",
    );
    expect(() => databaseUrl({ url: "ftp://host" })).toThrow("ftp:// is not a database");
  });
});

describe("the token", () => {
  test("is the one given, else of the environment, else in a file", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-token-"));
    const file = path.join(folder, "token");
    try {
      expect(await sent()).toBeUndefined();
      await writeFile(file, "in-a-file\r\nsecond line\n", { mode: 0o600 });
      vi.stubEnv("STRATCTL_TOKEN_FILE", file);
      expect(await sent()).toBe("Bearer in-a-file");
      vi.stubEnv("STRATCTL_TOKEN", "in-the-environment");
      expect(await sent()).toBe("Bearer in-the-environment");
      expect(await sent({ token: "given" })).toBe("Bearer given");
      expect(await sent({ getToken: () => Promise.resolve("made") })).toBe("Bearer made");
      await refused(
        connect({ url: "https://host", token: "sesame", getToken: () => "sesame" }),
        "input_invalid",
        "token and getToken are both given",
      );
      await refused(connect({ url: "https://host", token: "ses ame" }), "token_invalid");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("in a file is read anew, and refused where others may read it", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-token-"));
    const file = path.join(folder, "token");
    await using server = await playServer((response) => json(response, []));
    try {
      vi.stubEnv("STRATCTL_TOKEN_FILE", file);
      await refused(connect({ url: server.url }), "file_unusable", `the token file ${file} cannot be read (ENOENT)`);
      await writeFile(file, "sesame-1", { mode: 0o600 });
      await using stratctl = await connect({ url: server.url });
      await stratctl.accounts.list({});
      await writeFile(file, "sesame-2");
      await stratctl.accounts.list({});
      expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer sesame-1", "Bearer sesame-2"]);
      await chmod(file, 0o640);
      await refused(
        stratctl.accounts.list({}),
        "file_unusable",
        `the token file ${file} can be read by others (mode 0640)`,
        `chmod 600 ${file}`,
      );
      await chmod(file, 0o600);
      await writeFile(file, "\nsesame");
      await refused(connect({ url: server.url }), "file_unusable", "holds no token in its first line");
      expect(inspect(stratctl, { depth: 9, showHidden: true })).not.toContain("sesame");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("a script on a database does not load HTTP, and one that forgets to close ends all the same", async () => {
  const script = (url: string): string[] => [
    "--input-type=module",
    "-e",
    `import { connect } from "@stratctl/sdk"; await connect({ url: ${JSON.stringify(url)} }).then((s) => s.accounts.list({})).catch(() => {});`,
  ];
  const packages = (url: string): string[] => loadedBy(script(url)).filter((file) => /\/(undici|eventsource-parser)\//.test(file));
  expect(packages("postgres://127.0.0.1:1/x")).toEqual([]);
  expect(packages("http://127.0.0.1:1").length).toBeGreaterThan(0);
});
