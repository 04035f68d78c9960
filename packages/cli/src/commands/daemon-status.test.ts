import { expect, test } from "vitest";
import { said } from "./daemon-status.ts";

test("what systemctl show prints becomes a row; what it does not say is null", () => {
  const running = [
    "Type=notify",
    "NRestarts=2",
    "Result=success",
    "StatusText=12 strategies · last sample 15:29:59 · degraded: a=b",
    "MainPID=4711",
    "LoadState=loaded",
    "ActiveState=active",
    "SubState=running",
    "UnitFileState=enabled",
    "ActiveEnterTimestamp=Wed 2026-11-25 03:40:00 UTC",
  ];
  expect(said(running.join("\n"))).toEqual({
    state: "active (running)",
    start: "enabled",
    since: "Wed 2026-11-25 03:40:00 UTC",
    pid: 4711,
    restart_count: 2,
    told: "12 strategies · last sample 15:29:59 · degraded: a=b",
  });
  expect(
    said("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nNRestarts=0\nMainPID=0\nStatusText=\n"),
  ).toMatchObject({
    state: "failed (watchdog)",
    pid: null,
    told: null,
  });
  expect(said("LoadState=not-found\nActiveState=inactive\nSubState=dead\nNRestarts=0\nMainPID=0\n")).toEqual({
    state: "not installed",
    start: null,
    since: null,
    pid: null,
    restart_count: null,
    told: null,
  });
});
