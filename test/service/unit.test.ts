import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { systemUnit, userUnits, type Unit, type UnitPlace } from "../../packages/cli/src/commands/daemon-unit.ts";
import { root } from "../support/source.ts";

/** What the units say, and what systemd's own tools say of them. */

const main = path.join(root, "packages", "cli", "src", "main.ts");
const version = systemdVersion();
const place: UnitPlace = { node: process.execPath, main, version: "1.2.3", systemd: version };

function systemdVersion(): number | null {
  const { stdout } = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" });
  return stdout ? Number(/^systemd (\d+)/.exec(stdout)?.[1]) : null;
}
const missing = version === null ? "skipped: no systemd-analyze (apt-get install systemd)" : null;
if (missing !== null) console.warn(missing);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function analyze(
  units: readonly Unit[],
  args: readonly string[],
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const paths = units.map(({ name }) => path.join(folder, name));
  for (const [at, { text }] of units.entries()) await writeFile(paths[at] ?? "", text);
  const { status, stdout, stderr } = spawnSync("systemd-analyze", [...args, ...paths], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", XDG_RUNTIME_DIR: folder },
  });
  return { status, stdout, stderr };
}

const user = { ...place, data: "/srv/desk/.local/share/stratctl", config: null, is_builtin: true };

describe.skipIf(missing)("systemd-analyze", () => {
  // Of a key that it does not know it says so, and ends with 0 all the same.
  test("verify has nothing to say of the system's unit, nor of a user's", async () => {
    const clean = { status: 0, stdout: "", stderr: "" };
    expect(await analyze([systemUnit(place)], ["verify"])).toEqual(clean);
    expect(await analyze(userUnits(user), ["verify", "--user"])).toEqual(clean);
  });

  test("verify would say so, were there a key that this systemd does not know", async () => {
    const { name, text } = systemUnit(place);
    const { status, stderr } = await analyze([{ name, text: text.replace("ProtectClock=", "ProtectClocks=") }], ["verify"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/Unknown key .*ProtectClocks/);
  });

  test("security finds 2.0 or less open in the system's unit, and docs/service.md says how much", async () => {
    const { status, stdout } = await analyze([systemUnit(place)], ["security", "--offline=true", "--no-pager", "--threshold=20"]);
    expect(status, stdout).toBe(0);
    const found = Number(/Overall exposure level for stratctl\.service: ([\d.]+)/.exec(stdout)?.[1]);
    const page = readFileSync(path.join(root, "docs", "service.md"), "utf8");
    const told = z.coerce.number().parse(/exposure level is \*\*([\d.]+)\*\*/.exec(page)?.[1]);
    expect(found).toBeLessThanOrEqual(2);
    // Other versions of systemd weigh a little differently.
    expect(Math.abs(found - told)).toBeLessThanOrEqual(0.2);
  });
});

describe("the system's unit", () => {
  const lines = systemUnit({ ...place, systemd: 252 }).text.split("\n");

  test("runs this node on this program, and gives secrets as credentials, never in the environment", () => {
    expect(lines).toContain(`ExecStart=${process.execPath} ${main} daemon`);
    expect(lines).toContain("LoadCredential=stratctl:/etc/stratctl/credentials");
    expect(lines.filter((line) => line.startsWith("Environment="))).toEqual([
      "Environment=STRATCTL_CONFIG=/etc/stratctl/config.json",
      "Environment=STRATCTL_DATA=/var/lib/stratctl",
    ]);
  });

  test("backs off between restarts where systemd can, and says nothing that an older one does not know", () => {
    const of = (systemd: number | null): string => systemUnit({ ...place, systemd }).text;
    expect(of(257)).toMatch(/RestartSec=5\nRestartSteps=6\nRestartMaxDelaySec=60\n/);
    for (const older of [252, null]) expect(of(older)).not.toMatch(/RestartSteps|RestartMaxDelaySec/);
  });

  test("names a path with blanks, per cents, dollars and quotes as systemd reads them", () => {
    const strange = systemUnit({ ...place, node: "/opt/my node/bin/node", main: '/opt/50%/"$x"/main.js' }).text;
    expect(strange).toContain(String.raw`ExecStart="/opt/my node/bin/node" "/opt/50%%/\"$$x\"/main.js" daemon`);
  });
});

describe("a user's units", () => {
  test("are the daemon and the database that it waits for; the database is stopped, not killed", () => {
    const [database, daemon] = userUnits(user);
    expect(database?.name).toBe("stratctl-database.service");
    expect(database?.text).toContain(`ExecStop=${process.execPath} ${main} db stop\n`);
    expect(daemon?.text).toContain("Wants=stratctl-database.service\nAfter=stratctl-database.service\n");
    expect(daemon?.text).toContain("Environment=STRATCTL_DATA=/srv/desk/.local/share/stratctl\n");
    expect(daemon?.text).toContain("WantedBy=default.target\n");
  });

  test("are the daemon alone where its configuration names a database", () => {
    const units = userUnits({ ...user, is_builtin: false, config: "/srv/desk/my config.json" });
    expect(units.map(({ name }) => name)).toEqual(["stratctl.service"]);
    expect(units[0]?.text).not.toContain("stratctl-database");
    expect(units[0]?.text).toContain('Environment="STRATCTL_CONFIG=/srv/desk/my config.json"\n');
  });
});
