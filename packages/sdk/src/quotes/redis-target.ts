import type { RedisOptions } from "ioredis";
import { readFile } from "node:fs/promises";
import { StratctlError } from "../errors.ts";
import { privateUnusable, readPrivate } from "../private-file.ts";
import type { SentinelAddress } from "./settings.ts";
import { decoded, secretsOf } from "./unavailable.ts";

/** Which Redis, and how it is entered. */
export interface RedisTarget {
  /**
   * `redis://user:password@host:6379/0`, `rediss://…` for TLS, or the path of a Unix socket. With sentinels its host and
   * port are not used.
   */
  readonly url: string;
  /** Those who know where the master is; asked by TLS as well where the URL is rediss://. */
  readonly sentinels?: readonly SentinelAddress[] | undefined;
  readonly master?: string | undefined;
  /** Instead of the password in the URL: the first line of a file that only its owner can read; read at each connection. */
  readonly password_file?: string | undefined;
  readonly sentinel_password_file?: string | undefined;
  /** PEM, instead of the authorities that Node trusts. */
  readonly ca_file?: string | undefined;
}

/** What is made of it for a client. */
type Entry = Pick<
  RedisOptions,
  "tls" | "username" | "password" | "sentinels" | "name" | "sentinelPassword" | "enableTLSForSentinelMode" | "sentinelTLS"
>;

/** Throws `url_invalid` where the URL cannot be that of a Redis, or cannot be had together with the rest. */
export function checkedTarget(target: RedisTarget): RedisTarget {
  const { url, sentinels, ca_file } = target;
  const is_path = url.startsWith("/");
  if (!is_path && !(/^rediss?:\/\//.test(url) && URL.canParse(url) && new URL(url).hostname !== ""))
    throw new StratctlError("url_invalid", "the Redis URL is neither redis://host:port, rediss://host:port nor the path of a socket", {
      hint: "e.g. redis://localhost:6379",
    });
  if (ca_file !== undefined && !url.startsWith("rediss://"))
    throw new StratctlError("url_invalid", "there is a file of authorities for Redis, and its URL is not rediss://", {
      hint: "write the URL with rediss://, or leave redis_ca_file out",
    });
  if (is_path && sentinels !== undefined)
    throw new StratctlError("url_invalid", "there are sentinels for Redis, and its URL is the path of a socket", {
      hint: "write redis://host, or rediss://host; with sentinels the host itself is not used",
    });
  return target;
}

/**
 * What a client is made of, with the files read now; `secrets` is what may never be shown. Rejects with `file_unusable`.
 */
export async function redisOptions(
  target: RedisTarget,
): Promise<{ readonly url: string; readonly options: Entry; readonly secrets: readonly string[] }> {
  const { url, sentinels, master, password_file, sentinel_password_file, ca_file } = target;
  const [password, sentinelPassword, ca] = await Promise.all([
    password_file === undefined ? undefined : passwordOf(password_file, "file of Redis' password"),
    sentinel_password_file === undefined ? undefined : passwordOf(sentinel_password_file, "file of the sentinels' password"),
    ca_file === undefined ? undefined : authoritiesOf(ca_file),
  ]);
  const secrets = [...secretsOf(url), ...[password, sentinelPassword].flatMap((secret) => secret ?? [])];
  const tls = url.startsWith("rediss://") ? (ca === undefined ? {} : { ca }) : undefined;
  const options: Entry = {
    ...(tls === undefined ? {} : { tls }),
    ...(password === undefined ? {} : { password }),
    ...(sentinels === undefined ? {} : { sentinels: sentinels.map((one) => ({ ...one })), name: master, sentinelPassword }),
    ...(sentinels === undefined || tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  };
  if (password === undefined || url.startsWith("/")) return { url, options, secrets };
  // What the URL says of a password goes before what the options say, an empty one too.
  const bare = new URL(url);
  const { username } = bare;
  bare.username = "";
  bare.password = "";
  return { url: bare.href, options: username === "" ? options : { ...options, username: decoded(username) }, secrets };
}

async function passwordOf(file: string, noun: string): Promise<string> {
  const [password = ""] = (await readPrivate(file, noun)).split(/\r?\n/, 1);
  if (password === "") throw privateUnusable(file, noun, { what: "has nothing in its first line", hint: "write the password into it" });
  return password;
}

async function authoritiesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
    throw new StratctlError("file_unusable", `the file of Redis' authorities ${file} cannot be read${code}`, {
      hint: "is the path right?",
      details: { file },
      cause,
    });
  });
}
