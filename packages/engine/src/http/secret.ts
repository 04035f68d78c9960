import { randomBytes } from "node:crypto";
import { link, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { embeddedFolder, privateUnusable, readPrivate, StratctlError } from "@stratctl/sdk/internal";

/** What HS256 tokens of this server are signed with. */
export interface Secret {
  readonly key: Uint8Array;
  /** Made by stratctl for this machine: its tokens are `stratctl token`'s, and may be for all accounts. */
  readonly is_local: boolean;
}

const NOUN = "secret file";

/** RFC 7518, 3.2: a key of HS256 is no shorter than its hash. */
const BYTES_MIN = 32;

/** The secret of that file, or where none is named this machine's own, made on first use. Throws `file_unusable`. */
export async function secretOf({ jwt_secret_file }: { jwt_secret_file?: string | undefined }): Promise<Secret> {
  return jwt_secret_file === undefined ? localSecret() : { key: await read(jwt_secret_file), is_local: false };
}

/**
 * This machine's secret: `jwt-secret` beside the built-in database, for its owner alone, made on first use. Of two processes that
 * make it at once one wins, and both have the same. Throws `file_unusable`.
 */
export async function localSecret(folder: string = embeddedFolder()): Promise<Secret> {
  const file = join(folder, "jwt-secret");
  const known = await read(file).catch((error: unknown) => {
    if (error instanceof StratctlError && reasonOf(error.cause) === "ENOENT") return null;
    throw error;
  });
  if (known !== null) return { key: known, is_local: true };
  await make(file);
  return { key: await read(file), is_local: true };
}

/** Written whole under a name of its own, and linked: whoever reads finds all of it or nothing. */
async function make(file: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(`${randomBytes(BYTES_MIN).toString("base64url")}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file).catch((cause: unknown) => {
      if (reasonOf(cause) !== "EEXIST") throw cause;
    });
  } catch (cause) {
    throw privateUnusable(file, NOUN, {
      what: `cannot be made (${reasonOf(cause)})`,
      hint: "set STRATCTL_DATA to a folder of yours",
      cause,
    });
  } finally {
    await rm(draft, { force: true });
  }
}

/** The text of a file as it is, but for its line's end. */
async function read(file: string): Promise<Uint8Array> {
  const key = Buffer.from((await readPrivate(file, NOUN)).trim());
  if (key.length >= BYTES_MIN) return key;
  throw privateUnusable(file, NOUN, {
    what: `holds no secret of ${BYTES_MIN} bytes or more`,
    hint: `head -c 32 /dev/urandom | base64 > ${file}, which ends the tokens made with it so far`,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}
