import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../support/source.ts";
import { until } from "../support/server.ts";

/** A machine of the tests' own whose first process is a systemd; nothing of it is left when it is stopped. */
export interface Machine {
  /** A folder that this side and the machine see. */
  readonly shared: string;
  /** Runs a command in there, as root or as the user `desk`; rejects unless it ends with 0. */
  run(command: string, options?: { readonly as_desk?: boolean }): Promise<string>;
  /** The same for one that may fail. */
  tried(command: string, options?: { readonly as_desk?: boolean }): Promise<{ status: number; stdout: string; stderr: string }>;
  /** Waits for what is not at once; where it does not come, the error has the last lines of the machine's journal. */
  soon<T>(probe: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** Where the machine has this side's node, checkout and shared folder: the paths that are in its units. */
export const INSIDE = {
  node: "/opt/stratctl-test/node",
  main: "/opt/stratctl-test/checkout/packages/cli/src/main.ts",
  shared: "/opt/stratctl-test/shared",
} as const;
/** How a command in there begins stratctl. */
export const STRATCTL = `${INSIDE.node} ${INSIDE.main}`;

const SYSTEMD = "/lib/systemd/systemd";

/** What the machine needs of a kernel and of the rights that this process has. */
const TRIAL = `
mount -t tmpfs trial /mnt
mkdir /mnt/upper /mnt/work /mnt/root /mnt/groups
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work trial /mnt/root
mount -t cgroup2 trial /mnt/groups`;

/** Why tests that run a unit are skipped, or null; it has been printed. */
export const systemdMissing: string | null = whyNot();
if (systemdMissing !== null) console.warn(systemdMissing);

function whyNot(): string | null {
  if (process.platform !== "linux") return "skipped: no systemd but on Linux";
  if (process.getuid?.() !== 0) return "skipped: only root can start a systemd in namespaces of its own";
  if (!existsSync(SYSTEMD)) return "skipped: no systemd (apt-get install systemd)";
  const lacks = ["unshare", "nsenter", "setpriv"].find((program) => spawnSync(program, ["--version"]).status !== 0);
  if (lacks !== undefined) return `skipped: no ${lacks} (apt-get install util-linux)`;
  const trial = ["--pid", "--fork", "--mount", "--cgroup", "--uts", "--ipc", "bash", "-ec", TRIAL];
  const { status, stderr } = spawnSync("unshare", trial, { encoding: "utf8" });
  return status === 0 ? null : `skipped: no namespaces to run a systemd in (${stderr.trim().split("\n").at(-1)})`;
}

/** Ends the machine when this side is gone, whatever ended it, and removes its branch of the control groups. */
const KEEPER = `
script=$1 folder=$2 shared=$3
bash "$script" "$folder" "$shared" </dev/null >"$folder.log" 2>&1 & machine=$!
read -r _
kill -KILL $machine
wait $machine 2>/dev/null
mount -t cgroup2 none "$folder/cgroups"
for try in 1 2 3 4 5 6 7 8 9 10; do
  find "$folder/cgroups/stratctl-test-$machine" -depth -type d -exec rmdir {} + 2>/dev/null && break
  sleep 0.1
done
umount "$folder/cgroups"
`;

/** Boots a machine: it takes a quarter of a second. */
export async function startMachine(): Promise<Machine> {
  const base = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  const [folder, shared] = [path.join(base, "machine"), path.join(base, "shared")];
  await mkdir(folder);
  await mkdir(shared, { mode: 0o777 });
  const script = path.join(import.meta.dirname, "machine.sh");
  const keeper = spawn("/bin/sh", ["-c", KEEPER, "keeper", script, folder, shared], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: process.env["PATH"], NODE: await realpath(process.execPath), CHECKOUT: root },
  });
  const ended = once(keeper, "exit");
  const log = (): string => readFileSync(`${folder}.log`, "utf8");
  const first = await until(async () => firstProcess(keeper.pid ?? 0), log);
  const tried: Machine["tried"] = (command, { as_desk = false } = {}) => {
    const as = as_desk ? AS_DESK : AS_ROOT;
    return ran("nsenter", ["-t", first, "-m", "-p", "-i", "-u", "-C", "-r", "-w", "--", ...as, "bash", "-c", command]);
  };
  const journal = async (): Promise<string> => (await tried("journalctl --no-pager -n 20 -o cat")).stdout;
  const machine: Machine = {
    shared,
    tried,
    async run(command, options) {
      const { status, stdout, stderr } = await tried(command, options);
      if (status === 0) return stdout;
      throw new Error(`${command} ended with ${status}: ${stdout}${stderr}${await journal()}`);
    },
    async soon(probe) {
      return until(probe, () => "it does not come").catch(async (cause: unknown) => {
        throw new Error(`it does not come: ${await journal()}`, { cause });
      });
    },
    async stop() {
      keeper.stdin.end();
      await ended;
      await rm(base, { recursive: true });
    },
  };
  try {
    await until(() => machine.run("systemctl is-system-running"), log);
    await machine.run("systemctl start systemd-journald");
  } catch (error) {
    await machine.stop();
    throw error;
  }
  return machine;
}

const ENV = ["env", "-i", "PATH=/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL=C"];
const AS_ROOT = [...ENV, "HOME=/root"];
/** The user of machine.sh. */
const DESK = 4711;
const AS_DESK = ["setpriv", `--reuid=${DESK}`, `--regid=${DESK}`, "--clear-groups", ...ENV, "HOME=/srv/desk", "XDG_RUNTIME_DIR=/run/desk"];

/** keeper → unshare → systemd, as the children that they are. */
function firstProcess(keeper: number): string {
  const [unshare] = childrenOf(keeper);
  const [systemd] = childrenOf(Number(unshare));
  if (systemd === undefined || readFileSync(`/proc/${systemd}/comm`, "utf8").trim() !== "systemd") throw new Error("not up yet");
  return systemd;
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
}

async function ran(command: string, args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; stdout: string; stderr: string }>();
  execFile(command, args, { encoding: "utf8", timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
    resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
  });
  return promise;
}
