import { spawn, type ChildProcess } from "node:child_process";
import type { Calendar } from "@stratctl/sdk/internal";
import { clockText, countedText } from "./log.ts";
import { degradedOf, type LoopStanding } from "./loop.ts";

/** Tells the service manager how this process is. Never throws and never waits: what goes wrong with it is no trouble of the loop. */
export interface Notifier {
  /** An assignment of sd_notify(3): `READY=1`, `STATUS=…`. */
  readonly tell: (assignment: string) => void;
  /** How often the manager wants to hear WATCHDOG=1 at least; null where it does not watch. */
  readonly watchdog_ms: number | null;
  /** Resolves when all that was told has been passed on. */
  readonly close: () => Promise<void>;
}

/**
 * Node has no datagram sockets of a path, so that something else must speak: a shell that hands each line to systemd-notify,
 * which is there where systemd is. One child, started once: a large process that forks every ten seconds would stand still
 * for as long. It leaves when our end of the pipe closes, not before: SIGTERM is for us.
 */
const RELAY = `trap '' HUP INT TERM; while IFS= read -r line; do systemd-notify "$line"; done`;

/**
 * The service manager that started this process (NOTIFY_SOCKET), or null where none did. It wants `NotifyAccess=all`, since
 * not this process but its child speaks. Taken out of the environment: a Postgres that this process starts would speak too.
 */
export function openNotifier(env: NodeJS.ProcessEnv): Notifier | null {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, PATH } = env;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
  if (!NOTIFY_SOCKET) return null;
  let relay: ChildProcess | null = null;
  const start = (): ChildProcess => {
    const child = spawn("/bin/sh", ["-c", RELAY], {
      stdio: ["pipe", "ignore", "ignore"],
      env: { NOTIFY_SOCKET, PATH: PATH ?? "/usr/bin:/bin" },
    });
    const forget = (): void => void (relay = relay === child ? null : relay);
    child.once("exit", forget).once("error", forget);
    child.stdin?.on("error", forget);
    child.unref();
    return child;
  };
  const is_watched = WATCHDOG_USEC !== undefined && (WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid);
  return {
    tell(assignment) {
      relay ??= start();
      relay.stdin?.write(`${assignment.replaceAll("\n", " ")}\n`);
    },
    watchdog_ms: is_watched && Number(WATCHDOG_USEC) > 0 ? Number(WATCHDOG_USEC) / 1000 : null,
    async close() {
      const child = relay;
      if (child === null) return;
      const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()).once("error", () => resolve()));
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}

export interface Supervision {
  /** Begins when the loop is there; READY follows when it turns. */
  readonly watch: (loop: { readonly standing: () => Told }) => void;
  /** Says that the process is about to end. */
  readonly stopping: () => void;
  readonly close: () => Promise<void>;
}

/** How often the loop is looked at. */
const LOOK_MS = 250;
const STATUS_MS = 60_000;
/** Of the time after which the manager kills: two pings may be lost or late. */
const PINGS_A_WATCHDOG = 3;

/**
 * Tells a service manager of a loop: READY=1 once it turns, WATCHDOG=1 as long as it turns on time, a STATUS every minute and
 * whenever it begins or ceases to turn. Whatever ails the market, the sources or the database is in the STATUS and in nothing
 * else: a restart would not mend it. A process that hangs says nothing at all, which is what the watchdog is for.
 */
export function superviseLoop(notifier: Notifier, calendar: Calendar): Supervision {
  const ping_ms = notifier.watchdog_ms === null ? null : notifier.watchdog_ms / PINGS_A_WATCHDOG;
  let timer: NodeJS.Timeout | undefined;
  const told = { ready: false, turning: false, ping_ms: Number.NEGATIVE_INFINITY, status_ms: Number.NEGATIVE_INFINITY };
  const look = (standing: Told): void => {
    const now_ms = performance.now();
    if (!told.ready && !standing.is_turning) return;
    if (!told.ready) notifier.tell("READY=1");
    if (ping_ms !== null && standing.is_turning && now_ms - told.ping_ms >= ping_ms) {
      told.ping_ms = now_ms;
      notifier.tell("WATCHDOG=1");
    }
    if (standing.is_turning !== told.turning || now_ms - told.status_ms >= STATUS_MS) {
      told.status_ms = now_ms;
      notifier.tell(`STATUS=${statusText(standing, calendar)}`);
    }
    told.turning = standing.is_turning;
    told.ready = true;
  };
  return {
    watch(loop) {
      clearInterval(timer);
      timer = setInterval(() => look(loop.standing()), Math.min(LOOK_MS, ping_ms ?? LOOK_MS));
      timer.unref();
    },
    stopping() {
      clearInterval(timer);
      notifier.tell("STOPPING=1");
    },
    async close() {
      clearInterval(timer);
      await notifier.close();
    },
  };
}

/** What a status line is made of. */
export interface Told extends Pick<
  LoopStanding,
  "is_turning" | "lag_ms" | "last_sample_at_ms" | "strategy_count" | "sources" | "unpriced" | "write_failure"
> {
  readonly role?: "leader" | "stand_by";
}

/** One line for `systemctl status`: `12 strategies · last sample 15:29:59 · degraded: redis is away`. */
export function statusText(standing: Told, calendar: Calendar): string {
  const { strategy_count, last_sample_at_ms, is_turning, lag_ms, role } = standing;
  const last = last_sample_at_ms === null ? "no sample yet" : `last sample ${clockText(last_sample_at_ms, calendar)}`;
  const degraded = degradedOf(standing);
  const ails = is_turning ? degraded : [`the loop stands for ${Math.round(lag_ms / 1000)} s`, ...degraded];
  return [
    countedText(strategy_count, "strategy", "strategies"),
    ...(role === "stand_by" ? ["stands by"] : []),
    last,
    ...(ails.length === 0 ? [] : [`degraded: ${ails.join("; ")}`]),
  ].join(" · ");
}
