import type { Command } from "commander";
import type { Log } from "@stratctl/engine";
import type { Shard } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import type { FoundSettings } from "../settings.ts";
import { isJournal } from "../terminal/journal.ts";
import { examples, type Act } from "./command.ts";
import { addInstall } from "./daemon-install.ts";
import { prepared, runRound, type Prepared } from "./daemon-round.ts";
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

/** What was read of the settings, and what came of it. */
interface Read extends Prepared {
  readonly found: FoundSettings;
}

export async function runDaemon(deps: Deps, flags: DaemonFlags): Promise<void> {
  const { screen, output, signal } = deps;
  const [engine, { builtinCalendar }] = await Promise.all([import("@stratctl/engine"), import("@stratctl/sdk/internal")]);
  engine.holdYoungGeneration();
  const notifier = flags.once ? null : engine.openNotifier(process.env);
  const shard = await shardOf(flags.shard);
  const first = await readAll(deps, flags);
  const log = await engine.createLog({
    stream: { write: (text) => screen.print(text) },
    is_terminal: screen.isTerminal && output.format === "auto",
    is_journal: isJournal(1, deps.env),
    clock: engine.systemClock,
    calendar: builtinCalendar(),
  });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true });
  const service = notifier === null ? null : engine.superviseLoop(notifier, builtinCalendar());
  signal.addEventListener("abort", () => service?.stopping());
  const { once, isServed } = flags;
  try {
    await inRounds(deps, { first, log, flags }, (round) =>
      runRound({ ...round, shard, once, isServed, log, onLoop: (loop) => service?.watch(loop) }),
    );
  } finally {
    await service?.close();
  }
}

interface Given {
  readonly first: Read;
  readonly log: Log;
  readonly flags: DaemonFlags;
}
type RunOne = (round: Prepared & { readonly signal: AbortSignal; readonly onPass: () => void }) => Promise<void>;

/**
 * Rounds of the loop, each by the configuration as it was read last: SIGHUP ends one and begins the next, which goes on with the
 * same minute. What cannot be read, or cannot be begun with, leaves the one before in force.
 */
async function inRounds(deps: Deps, { first, log, flags }: Given, runOne: RunOne): Promise<void> {
  let current = first;
  /** To go back to, until the current one has made a pass. */
  let before: Read | null = null;
  const asked: { read: Read | null; ending: AbortController } = { read: null, ending: new AbortController() };
  const readAgain = async (): Promise<void> => {
    try {
      asked.read = await readAll(deps, flags);
      asked.ending.abort();
    } catch (error) {
      tellRefused(log, error);
    }
  };
  deps.onHangUp(() => void readAgain());
  for (;;) {
    asked.ending = new AbortController();
    try {
      await runOne({
        ...current,
        signal: AbortSignal.any([deps.signal, asked.ending.signal]),
        onPass: () => (before = null),
      });
    } catch (error) {
      if (before === null) throw error;
      tellRefused(log, error);
      [current, before] = [before, null];
      continue;
    }
    if (deps.signal.aborted || asked.read === null) return;
    [before, current, asked.read] = [current, asked.read, null];
    const keys = changedKeys(before.found, current.found);
    const what = keys.length === 0 ? "no setting has changed" : `changed: ${keys.join(", ")}`;
    log({ level: "info", event: "config", text: `read again · ${what}`, fields: { changed: keys } });
  }
}

function tellRefused(log: Log, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  log({ level: "error", event: "config", text: `${text} · the configuration before stays in force`, fields: { refused: true } });
}

/** Settings that have another value; the values may be secrets. */
function changedKeys(before: FoundSettings, after: FoundSettings): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key)?.value !== after.get(key)?.value).toSorted();
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
