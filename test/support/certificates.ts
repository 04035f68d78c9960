import { spawnSync } from "node:child_process";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverUser } from "./scratch.ts";

/** Why tests that need certificates are skipped, or null. */
export const opensslMissing: string | null =
  spawnSync("openssl", ["version"]).status === 0 ? null : "skipped: no openssl on PATH (apt-get install openssl)";
if (opensslMissing !== null) console.warn(opensslMissing);

export interface Certificates extends AsyncDisposable {
  /** Paths of PEM files: an authority, a certificate that it signed for localhost and 127.0.0.1, and its key. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** An authority that signed nothing. */
  readonly stranger: string;
}

/** An authority and a server's certificate, made now and good for a day. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "stratctl-tls-"));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  };
  const authority = (name: string): void =>
    openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "1",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  authority("authority");
  authority("stranger");
  await writeFile(path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr");
  openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "authority.pem",
    "-CAkey",
    "authority.key",
    "-CAcreateserial",
    "-days",
    "1",
    "-extfile",
    "names",
    "-out",
    "server.pem",
  );
  await chmod(folder, 0o755);
  const user = serverUser();
  for (const name of ["server.key", "server.pem", "authority.pem"]) if (user !== null) await chown(path(name), user.uid, user.gid);
  return {
    ca: path("authority.pem"),
    certificate: path("server.pem"),
    key: path("server.key"),
    stranger: path("stranger.pem"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
