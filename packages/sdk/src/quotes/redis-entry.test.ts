import { Redis } from "ioredis";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCertificates, opensslMissing, type Certificates } from "../../../../test/support/certificates.ts";
import { readAll } from "../../../../test/support/read.ts";
import { startRedisCluster } from "../../../../test/support/redis-cluster.ts";
import { freePort, redisMissing, startRedis, startSentinel } from "../../../../test/support/redis.ts";
import { redisSource, type RedisSourceOptions } from "./redis.ts";

/** How a Redis is entered: a user of its own, a password in a file, TLS, sentinels. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratctl-entry-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function secret(name: string, text: string, mode = 0o600): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

/** What is read of NFO:A: its price, or why not. */
async function read(options: RedisSourceOptions): Promise<number | string | null | undefined> {
  const source = redisSource(options);
  try {
    const { prices, absent, error } = await readAll(source, ["NFO:A"]);
    return prices["NFO:A"] ?? error ?? absent["NFO:A"];
  } finally {
    await source.close();
  }
}

describe.skipIf(redisMissing)("a user and a password", () => {
  test("a user who may read the keys of prices and nothing else", async () => {
    await using server = await startRedis();
    const admin = new Redis(server.url);
    await admin.set("ltp:NFO:A", "118");
    await admin.call("ACL", "SETUSER", "stratctl", "on", ">s3cret word", "~ltp:*", "~ticker:*", "+mget");
    await admin.call("ACL", "SETUSER", "stranger", "on", ">x", "~other:*", "+mget");
    await admin.call("ACL", "SETUSER", "default", "off");
    admin.disconnect();
    const at = `127.0.0.1:${server.port}`;
    expect(await read({ url: `redis://stratctl:s3cret%20word@${at}` })).toBe(118);
    expect(await read({ url: `redis://stranger:x@${at}` })).toMatch(/^redis: NOPERM/);
    expect(await read({ url: `redis://stratctl:wrong@${at}` })).toMatch(/^redis: WRONGPASS/);
    const password_file = await secret("acl", "s3cret word\n");
    expect(await read({ url: `redis://stratctl@${at}`, password_file })).toBe(118);
    // The file goes before the URL.
    expect(await read({ url: `redis://stratctl:wrong@${at}`, password_file })).toBe(118);
  });

  test("a cluster, whose nodes are all entered by the same user", async () => {
    await using world = await startRedisCluster(2);
    const values = Object.fromEntries(Array.from({ length: 50 }, (_, number) => [`ltp:NFO:T${number}`, `${number + 1}`]));
    await world.set(values);
    const rule = "on >word ~ltp:* ~ticker:* +mget +cluster|slots";
    for (const node of world.nodes) await node.call("ACL", "SETUSER", "stratctl", ...rule.split(" "));
    const source = redisSource({ url: world.url.replace("://", "://stratctl@"), password_file: await secret("cluster", "word") });
    const asked = Object.keys(values).map((key) => key.slice("ltp:".length));
    await expect.poll(async () => Object.keys((await readAll(source, asked)).prices), { timeout: 10_000 }).toHaveLength(50);
    await source.close();
  });

  test("a password that is changed in its file is found without a restart", async () => {
    await using server = await startRedis(["--requirepass", "second"]);
    const admin = new Redis(server.url, { password: "second" });
    await admin.set("ltp:NFO:A", "118");
    admin.disconnect();
    const password_file = await secret("changing", "first");
    const source = redisSource({ url: server.url, password_file });
    const { error } = await readAll(source, ["NFO:A"]);
    expect(error).toMatch(/^redis: WRONGPASS/);
    await secret("changing", "second\n");
    await expect.poll(async () => (await readAll(source, ["NFO:A"])).prices, { timeout: 10_000 }).toEqual({ "NFO:A": 118 });
    await source.close();
  });

  test("a file that is not there, is open to others or empty is named, and read again the next time", async () => {
    await using server = await startRedis(["--requirepass", "word"]);
    const missing = join(folder, "missing");
    const source = redisSource({ url: server.url, password_file: missing });
    expect((await readAll(source, ["NFO:A"])).error).toBe(`redis: the file of Redis' password ${missing} cannot be read (ENOENT)`);
    await secret("missing", "word", 0o644);
    expect((await readAll(source, ["NFO:A"])).error).toMatch(/can be read by others \(mode 0644\)$/);
    await secret("missing", "\nword");
    expect((await readAll(source, ["NFO:A"])).error).toMatch(/has nothing in its first line$/);
    await secret("missing", "word");
    expect((await readAll(source, ["NFO:A"])).absent).toEqual({ "NFO:A": "no key" });
    await source.close();
  });
});

describe.skipIf(redisMissing ?? opensslMissing)("TLS", () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });
  afterAll(() => certificates[Symbol.asyncDispose]());

  const tlsArgs = ({ certificate, key, ca }: Certificates, port: number): string[] => {
    const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca];
    return ["--tls-port", String(port), "--tls-auth-clients", "no", ...files];
  };

  test("an authority of one's own, by a file; without it, or with another, nothing is read", async () => {
    const port = await freePort();
    await using server = await startRedis([...tlsArgs(certificates, port), "--requirepass", "word"]);
    const admin = new Redis({ path: server.socket, password: "word" });
    await admin.set("ltp:NFO:A", "118");
    admin.disconnect();
    const url = `rediss://:word@127.0.0.1:${port}`;
    expect(await read({ url, ca_file: certificates.ca })).toBe(118);
    expect(await read({ url: url.replace("127.0.0.1", "localhost"), ca_file: certificates.ca })).toBe(118);
    expect(await read({ url })).toMatch(/^redis: .*certificate/);
    expect(await read({ url, ca_file: certificates.stranger })).toMatch(/^redis: .*certificate/);
    expect(await read({ url, ca_file: "/no/such/file" })).toBe(
      "redis: the file of Redis' authorities /no/such/file cannot be read (ENOENT)",
    );
  });

  test("sentinels and the master by TLS", async () => {
    const [master_port, sentinel_port] = [await freePort(), await freePort()];
    await using master = await startRedis(tlsArgs(certificates, master_port));
    const { certificate, key, ca } = certificates;
    await using sentinel = await startSentinel(master_port, [
      `tls-port ${sentinel_port}`,
      `tls-cert-file ${certificate}`,
      `tls-key-file ${key}`,
      `tls-ca-cert-file ${ca}`,
      "tls-auth-clients no",
      "tls-replication yes",
    ]);
    expect(sentinel.port).not.toBe(sentinel_port);
    const admin = new Redis(master.socket);
    await admin.set("ltp:NFO:A", "118");
    admin.disconnect();
    const sentinels = [{ host: "127.0.0.1", port: sentinel_port }];
    expect(await read({ url: "rediss://unused", sentinels, master: "prices", ca_file: ca })).toBe(118);
  });

  test("files of authorities without TLS are a mistake", () => {
    expect(() => redisSource({ url: "redis://localhost", ca_file: "/ca.pem" })).toThrow(expect.objectContaining({ code: "url_invalid" }));
  });
});

describe.skipIf(redisMissing)("sentinels", () => {
  test("the master that they know, with its password; one that is away is passed over", async () => {
    await using master = await startRedis(["--requirepass", "word"]);
    await using sentinel = await startSentinel(master.port, ["sentinel auth-pass prices word", "requirepass guard"]).catch(() => {
      throw new Error("the sentinel does not start");
    });
    const admin = new Redis(master.url, { password: "word" });
    await admin.set("ltp:NFO:A", "118");
    admin.disconnect();
    const sentinels = [
      { host: "127.0.0.1", port: 1 },
      { host: "127.0.0.1", port: sentinel.port },
    ];
    const password_file = await secret("master", "word");
    const sentinel_password_file = await secret("guard", "guard");
    const target = { url: "redis://unused", sentinels, master: "prices", password_file };
    expect(await read({ ...target, sentinel_password_file })).toBe(118);
    expect(await read(target)).toMatch(/^redis: a sentinel says NOAUTH/);
    expect(await read({ ...target, sentinel_password_file, master: "other" })).toBe('redis: no sentinel knows the master "other"');
    expect(await read({ ...target, sentinels: sentinels.slice(0, 1) })).toBe("redis: no sentinel answers");
  });

  test("with the path of a socket they are a mistake", () => {
    const sentinels = [{ host: "localhost", port: 1 }];
    expect(() => redisSource({ url: "/redis.sock", sentinels, master: "m" })).toThrow(expect.objectContaining({ code: "url_invalid" }));
  });
});
