import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { builtinCalendar } from "@stratctl/sdk/internal";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openNotifier, statusText, superviseLoop, type Notifier, type Told } from "./systemd.ts";

const calendar = builtinCalendar();
const TURNING: Told = {
  is_turning: true,
  lag_ms: 400,
  last_sample_at_ms: Date.parse("2026-11-25T09:59:59Z"),
  strategy_count: 12,
  role: "leader",
  sources: [],
  unpriced: [],
  write_failure: null,
};

const REDIS_AWAY = { name: "redis", up: false, reason: "refused", since_ms: 0, quote_count: 0 };

describe("a loop that is supervised", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function supervised(watchdog_ms: number | null): { told: string[]; loop: { standing: Told }; notifier: Notifier } {
    const told: string[] = [];
    const loop = { standing: { ...TURNING, is_turning: false } };
    const notifier = { tell: (line: string) => void told.push(line), watchdog_ms, close: () => Promise.resolve() };
    superviseLoop(notifier, calendar).watch({ standing: () => loop.standing });
    return { told, loop, notifier };
  }

  test("is READY when it turns, not before; then there is a ping three times a watchdog and a status a minute", () => {
    const { told, loop } = supervised(30_000);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
    loop.standing = TURNING;
    vi.advanceTimersByTime(60_000);
    const status = `STATUS=${statusText(TURNING, calendar)}`;
    expect(told.slice(0, 3)).toEqual(["READY=1", "WATCHDOG=1", status]);
    expect(told.filter((line) => line === "READY=1")).toHaveLength(1);
    expect(told.filter((line) => line === "WATCHDOG=1")).toHaveLength(6);
    vi.advanceTimersByTime(60_000);
    expect(told.filter((line) => line === status)).toHaveLength(2);
  });

  test("has no ping while it stands, and says so at once; whatever else ails it, it has", () => {
    const { told, loop } = supervised(3_000);
    loop.standing = { ...TURNING, write_failure: "x", sources: [REDIS_AWAY] };
    vi.advanceTimersByTime(10_000);
    expect(told.filter((line) => line === "WATCHDOG=1")).toHaveLength(10);
    told.length = 0;
    loop.standing = { ...TURNING, is_turning: false, lag_ms: 14_000 };
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual(["STATUS=12 strategies · last sample 15:29:59 · degraded: the loop stands for 14 s"]);
    loop.standing = TURNING;
    vi.advanceTimersByTime(250);
    expect(told.slice(1)).toEqual(["WATCHDOG=1", `STATUS=${statusText(TURNING, calendar)}`]);
  });

  test("has no ping where nobody watches", () => {
    const { told, loop } = supervised(null);
    loop.standing = TURNING;
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual(["READY=1", `STATUS=${statusText(TURNING, calendar)}`]);
  });
});

test("the status says how many strategies, who leads, when the last sample was, and what is not well", () => {
  const of = (over: Partial<Told>): string => statusText({ ...TURNING, ...over }, calendar);
  expect(of({})).toBe("12 strategies · last sample 15:29:59");
  expect(of({ strategy_count: 1, last_sample_at_ms: null, role: "stand_by" })).toBe("1 strategy · stands by · no sample yet");
  expect(of({ write_failure: "x", sources: [REDIS_AWAY] })).toBe(
    "12 strategies · last sample 15:29:59 · degraded: redis is away; the last write failed; candles wait",
  );
});

describe("the notifier", () => {
  test("is none where no service manager started the process", () => {
    expect(openNotifier({})).toBeNull();
  });

  test("hands each line to systemd-notify, in order, and leaves nothing in the environment for children", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
    try {
      const heard = path.join(folder, "heard");
      await writeFile(path.join(folder, "systemd-notify"), `#!/bin/sh\nprintf '%s %s\\n' "$NOTIFY_SOCKET" "$1" >> ${heard}\n`);
      await chmod(path.join(folder, "systemd-notify"), 0o755);
      const env: NodeJS.ProcessEnv = {
        PATH: `${folder}:/usr/bin:/bin`,
        NOTIFY_SOCKET: "/run/systemd/notify",
        WATCHDOG_USEC: "30000000",
        WATCHDOG_PID: String(process.pid),
      };
      const notifier = openNotifier(env);
      expect(Object.keys(env)).toEqual(["PATH"]);
      expect(notifier?.watchdog_ms).toBe(30_000);
      for (const line of ["READY=1", "STATUS=it's $HOME\n\\n `x`", "STOPPING=1"]) notifier?.tell(line);
      await notifier?.close();
      const lines = ["READY=1", "STATUS=it's $HOME \\n `x`", "STOPPING=1"].map((line) => `/run/systemd/notify ${line}\n`);
      expect(await readFile(heard, "utf8")).toBe(lines.join(""));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("is not watched on behalf of another process", () => {
    const env = { NOTIFY_SOCKET: "/none", WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" };
    expect(openNotifier(env)?.watchdog_ms).toBeNull();
  });
});
