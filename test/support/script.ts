import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Client } from "pg";

/** An ordinary user that root can lend a process to. */
export const NOBODY = { uid: 65_534, gid: 65_534 };

/** Whether root runs the suite: some situations are root's alone, others can only be had by lending them to nobody. */
export const isRoot = process.getuid?.() === 0;

/** Why a test as a normal user is skipped, or null: root can only lend what nobody may read. */
export const normalUserMissing: string | null =
  isRoot && !readableByNobody() ? "skipped: root runs the suite where nobody else may enter" : null;
if (normalUserMissing !== null) console.warn(normalUserMissing);

function readableByNobody(): boolean {
  const read = `require("node:fs").readFileSync(process.argv[1])`;
  return spawnSync(process.execPath, ["-e", read, fileURLToPath(import.meta.url)], { ...NOBODY, cwd: "/", stdio: "ignore" }).status === 0;
}

export interface ScriptOptions {
  readonly as?: { readonly uid: number; readonly gid: number };
  readonly env?: Readonly<Record<string, string>>;
  /** In a group of its own, so that `process.kill(-pid, "SIGINT")` is a Ctrl-C: a terminal sends it to the whole group. */
  readonly group?: boolean;
}

export type Script = ChildProcessByStdio<null, Readable, null>;

/** Runs a module's text in a Node process of its own, in an environment of PATH and HOME only. */
export function startScript(text: string, { as, env, group = false }: ScriptOptions = {}): Script {
  return spawn(process.execPath, ["--input-type=module", "-e", text], {
    cwd: "/",
    detached: group,
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], HOME: tmpdir(), ...env },
    ...as,
  });
}

/** How it ended, and all it said. */
export async function endOf(script: Script): Promise<{ status: number | null; said: string }> {
  let said = "";
  script.stdout.on("data", (text: Buffer) => (said += text.toString()));
  const [status] = await once(script, "close");
  return { status: typeof status === "number" ? status : null, said: said.trim() };
}

/** What it says first; one that ends without a word is an error. */
export async function firstLine(script: Script): Promise<string> {
  const ended = once(script, "exit").then(([status]) => Promise.reject(new Error(`it ended with ${status} and said nothing`)));
  const [line] = await Promise.race([once(script.stdout, "data"), ended]);
  ended.catch(() => undefined);
  return String(line).trim();
}

/** The rows of one statement on a connection of its own. */
export async function rowsOf(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
