import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import path from "node:path";

/** A program that tests start, and the Debian packages that bring it: the first of them that this Debian has. */
interface Need {
  readonly program: string;
  readonly packages: readonly string[];
  readonly found: () => boolean;
}

const NEEDS: readonly Need[] = [
  { program: "redis-server", packages: ["redis-server"], found: () => onPath("redis-server") },
  { program: "Postgres", packages: ["postgresql-15", "postgresql"], found: () => debianPostgres() },
  { program: "tmux", packages: ["tmux"], found: () => onPath("tmux") },
  { program: "curl", packages: ["curl"], found: () => onPath("curl") },
  { program: "systemd", packages: ["systemd"], found: () => existsSync("/lib/systemd/systemd") },
  { program: "chromium", packages: ["chromium"], found: () => onPath("chromium") || onPath("google-chrome") },
];

/**
 * Installs what the tests need and lack, saying so. Where that cannot be done the tests that need it are skipped, which is
 * said too. False where it was tried and failed.
 */
export function installNeeds(): boolean {
  const missing = NEEDS.filter((need) => !need.found());
  if (missing.length === 0) {
    console.log(`${NEEDS.map(({ program }) => program).join(", ")}: all here`);
    return true;
  }
  const names = missing.map(({ program }) => program).join(", ");
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    const packages = missing.map((need) => need.packages[0]).join(" ");
    console.log(`without ${names} the tests that need it are skipped; as root on Debian: apt-get install ${packages}`);
    return true;
  }
  return install(missing);
}

function install(missing: readonly Need[]): boolean {
  // Lists first: a fresh container has none, and old ones name files that are gone.
  const lists = apt(["update", "-qq"]);
  if (lists !== null) console.log(`apt-get update failed, so with the lists that are here: ${lists}`);
  const packages = missing.map((need) => need.packages.find(known) ?? need.program);
  console.log(`installing what the tests need and this machine lacks: apt-get install ${packages.join(" ")}`);
  const failure = apt(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  if (failure !== null) console.log(`that failed, so the tests that need it are skipped: ${failure}`);
  return failure === null;
}

/** Null, or why it failed. */
function apt(args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync("apt-get", args, {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    timeout: 180_000,
  });
  if (status === 0) return null;
  return error?.message ?? (stderr.trim().split("\n").at(-1) || `status ${status}`);
}

function known(name: string): boolean {
  const { stdout } = spawnSync("apt-cache", ["policy", name], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  return /Candidate: (?!\(none\))/.test(stdout ?? "");
}

/** Debian keeps the server's programs off the PATH. */
function debianPostgres(): boolean {
  const versions = "/usr/lib/postgresql";
  return existsSync(versions) && readdirSync(versions).some((version) => existsSync(path.join(versions, version, "bin", "postgres")));
}

function onPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
