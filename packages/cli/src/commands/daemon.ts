import type { Command } from "commander";
import type { Shard } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { isJournal } from "../terminal/journal.ts";
import { openLasting } from "../terminal/lasting.ts";
import { examples, type Act } from "./command.ts";
import { addInstall } from "./daemon-install.ts";
import { inRounds, type Read } from "./daemon-reload.ts";
import { prepared, runRound } from "./daemon-round.ts";
import { addStatus } from "./daemon-status.ts";

export function addDaemon(program: Command, act: Act): void {
  const daemon = program
    .command("daemon")
    .description("mark all active strategies through every minute of the session, until it is stopped")
    .option("--once", "one sample, written, and the end")
    .option("--every <span>", "time between samples: seconds that divide a minute; 1s unless said")
    .option("--always", "outside every session too, for markets that never close")
    .option("--shard <i/n>", "mark one part of the accounts, of n daemons that share a database: 1/2")
    .option("--host <address>", "serve the API at this address; unless said, to this machine only")
    .option("--port <number>", "serve the API at this port, 0 for any that is free; 8081 unless said")
    .option("--no-http", "serve no API")
    .addHelpText(
      "after",
      `\nPrices come from Redis (REDIS_URL), and what it lacks from the ticker service
(TICKER_URL). The log is lines at a terminal and JSON elsewhere. SIGTERM ends it
once the minute under way is written, a second one at once; SIGHUP has it read
its configuration again.
${examples(["stratctl daemon"], ["stratctl daemon --every 5s"], ["stratctl daemon --shard 1/2", "beside another with 2/2"], ["stratctl daemon --once", "from cron, or to try the sources"], ["stratctl daemon install --user", "as a service of yours"])}`,
    )
    .action(
      act((deps, given) =>
        runDaemon(deps, {
          once: given.isSet("once"),
          every: given.text("every"),
          always: given.isSet("always"),
          shard: given.text("shard"),
          isServed: !given.isUnset("http") && !given.isSet("once"),
          http: { host: given.text("host"), port: given.text("port") },
        }),
      ),
    );
  addInstall(daemon, act);
  addStatus(daemon, act);
}

/** The daemon gives its last write three seconds, and what ends after it is quick or is cut off. */
const GRACE_MS = 4_800;

interface DaemonFlags {
  readonly once: boolean;
  /** Over what the settings say, as always, host and port below. */
  readonly every: string | undefined;
  readonly always: boolean;
  readonly shard: string | undefined;
  readonly isServed: boolean;
  readonly http: { readonly host: string | undefined; readonly port: string | undefined };
}

export async function runDaemon(deps: Deps, flags: DaemonFlags): Promise<void> {
  const { screen, output, signal } = deps;
  const [engine, { builtinCalendar }, { counted }] = await Promise.all([
    import("@stratctl/engine"),
    import("@stratctl/sdk/internal"),
    import("../terminal/format.ts"),
  ]);
  engine.holdYoungGeneration();
  const notifier = flags.once ? null : engine.openNotifier(process.env);
  const shard = await shardOf(flags.shard);
  const first = await readAll(deps, flags);
  const write = openLasting(screen, ({ count, code }) => {
    const text = `${counted(count, "line")} of this log could not be written (${code})`;
    log({ level: "warn", event: "log", text, fields: { count, code } });
  });
  const log = await engine.createLog({
    stream: { write },
    is_terminal: screen.isTerminal && output.format === "auto",
    is_journal: isJournal(1, deps.env),
    clock: engine.systemClock,
    calendar: builtinCalendar(),
  });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true, isLogged: true });
  const service = notifier === null ? null : engine.superviseLoop(notifier, builtinCalendar());
  signal.addEventListener("abort", () => service?.stopping());
  const { once, isServed } = flags;
  try {
    await inRounds(deps, { first, log, readAll: () => readAll(deps, flags) }, ({ onLoop, ...round }) =>
      runRound({
        ...round,
        shard,
        once,
        isServed,
        log,
        onLoop: (loop) => {
          onLoop(loop);
          service?.watch(loop);
        },
      }),
    );
  } finally {
    await service?.close();
  }
}

async function readAll(deps: Deps, { every, always, http }: DaemonFlags): Promise<Read> {
  const { parseConfiguration } = await import("../configuration.ts");
  const { found } = await deps.settings({ isStrict: true });
  const over = {
    "daemon.interval": every,
    "daemon.always": always ? "true" : undefined,
    "http.host": http.host,
    "http.port": http.port,
  };
  return { ...(await prepared(parseConfiguration(found, { over, env: deps.env }))), found };
}

async function shardOf(shard = "1/1"): Promise<Shard> {
  const [, part = "", of = ""] = /^(\d{1,4})\/(\d{1,4})$/.exec(shard) ?? [];
  if (Number(part) >= 1 && Number(part) <= Number(of)) return { shard: Number(part), of: Number(of) };
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", `--shard ${JSON.stringify(shard)} is not a part of a whole`, { hint: "write it like 1/2" });
}
