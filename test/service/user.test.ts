import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/redis.ts";
import { startMachine, STRATCTL, systemdMissing, type Machine } from "./machine.ts";

/** A user's units as a real systemd of that user runs them, over the built-in database of his folder. */

let machine: Machine;
beforeAll(async () => {
  if (systemdMissing !== null) return;
  machine = await startMachine();
  await machine.run("systemctl start desk");
});
afterAll(() => machine?.stop());

const AS_DESK = { as_desk: true };
const UNITS = "/srv/desk/.config/systemd/user";
/** Of the built-in Postgres, while it runs. */
const PID_FILE = "/srv/desk/.local/share/stratctl/data/postmaster.pid";
const show = async (unit: string, name: string): Promise<string> =>
  (await machine.run(`systemctl --user show ${unit} --property=${name} --value`, AS_DESK)).trim();

describe.skipIf(systemdMissing)("a user's units, run by his systemd", () => {
  test("are written where systemd looks, once; one that is another is left alone unless forced", async () => {
    await machine.run(`${STRATCTL} config set http.port ${await freePort()}`, AS_DESK);
    const { stdout, stderr } = await machine.tried(`${STRATCTL} daemon install --user`, AS_DESK);
    expect(stdout).toBe(`written\t${UNITS}/stratctl-database.service\nwritten\t${UNITS}/stratctl.service\n`);
    expect(stderr).toMatch(/systemctl --user enable --now stratctl\n {2}loginctl enable-linger/);
    await machine.run(`echo '# mine' >> ${UNITS}/stratctl.service`, AS_DESK);
    const again = await machine.tried(`${STRATCTL} daemon install --user`, AS_DESK);
    expect(again).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("nothing was changed") });
    expect(await machine.run(`tail -1 ${UNITS}/stratctl.service`)).toBe("# mine\n");
    expect(await machine.run(`${STRATCTL} daemon install --user --force`, AS_DESK)).toBe(
      `unchanged\t${UNITS}/stratctl-database.service\nreplaced\t${UNITS}/stratctl.service\n`,
    );
  });

  test("run what the install said to run next: the database, and the daemon once its loop turns", async () => {
    await machine.run("systemctl --user daemon-reload && systemctl --user enable --now stratctl", AS_DESK);
    expect([await show("stratctl", "ActiveState"), await show("stratctl-database", "ActiveState")]).toEqual(["active", "active"]);
    const status = JSON.parse(await machine.run(`${STRATCTL} daemon status --json`, AS_DESK));
    expect(status).toMatchObject({
      services: [{ service: "system" }, { service: "user", state: "active (running)", start: "enabled" }],
      health: { database: { reachable: true } },
    });
    await machine.soon(async () => expect(await show("stratctl", "StatusText")).toMatch(/^0 strategies · no sample yet/));
  });

  test("leave the database running when the daemon is killed, and the daemon comes again", async () => {
    const [daemon, postgres] = [await show("stratctl", "MainPID"), await machine.run(`head -1 ${PID_FILE}`)];
    await machine.run("systemctl --user kill --kill-who=main -s KILL stratctl", AS_DESK);
    await machine.soon(async () => expect([daemon, "0"]).not.toContain(await show("stratctl", "MainPID")));
    await machine.soon(async () => expect(await show("stratctl", "ActiveState")).toBe("active"));
    expect(await machine.run(`head -1 ${PID_FILE}`)).toBe(postgres);
  });

  test("shut the database down, not kill it, and are gone after uninstall; the data stay", async () => {
    const { stdout, stderr } = await machine.tried(`${STRATCTL} daemon uninstall --user`, AS_DESK);
    expect(stdout).toBe(`removed\t${UNITS}/stratctl-database.service\nremoved\t${UNITS}/stratctl.service\n`);
    expect(stderr).toBe("kept: /srv/desk/.local/share/stratctl\n");
    expect((await machine.tried(`test -e ${PID_FILE}`)).status).toBe(1);
    const postgres_log = await machine.run("cat /srv/desk/.local/share/stratctl/postgres.log");
    expect(postgres_log).toMatch(/database system is shut down\n$/);
    expect(await show("stratctl", "LoadState")).toBe("not-found");
  });
});
