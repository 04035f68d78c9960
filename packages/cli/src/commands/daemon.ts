import type { Command } from "commander";
import type { Deps } from "../deps.ts";
import { examples, type Act } from "./command.ts";

export function addDaemon(program: Command, act: Act): void {
  program
    .command("daemon")
    .description("mark all active strategies through every minute of the session, until it is stopped")
    .option("--once", "one sample, written, and the end")
    .option("--every <span>", "time between samples: seconds that divide a minute", "1s")
    .option("--shard <i/n>", "mark one part of the accounts, of n daemons that share a database: 1/2")
    .option("--host <address>", "serve the API at this address; unless said, to this machine only")
    .option("--port <number>", "serve the API at this port, 0 for any that is free; 8081 unless said")
    .option("--no-http", "serve no API")
    .addHelpText(
      "after",
      `\nPrices come from Redis (REDIS_URL), and what it lacks from the ticker service
(TICKER_URL). The log is lines at a terminal and JSON elsewhere. SIGTERM ends it
once the minute under way is written.
${examples(["stratctl daemon"], ["stratctl daemon --every 5s"], ["stratctl daemon --shard 1/2", "beside another with 2/2"], ["stratctl daemon --once", "from cron, or to try the sources"], ["stratctl daemon --port 8090"])}`,
    )
    .action(
      act((deps, given) =>
        runDaemon(deps, {
          once: given.isSet("once"),
          every: given.text("every") ?? "1s",
          shard: given.text("shard"),
          isServed: !given.isUnset("http") && !given.isSet("once"),
          http: { host: given.text("host"), port: given.text("port") },
        }),
      ),
    );
}

/** The daemon gives its last write 5 s; half as long again is for what cannot be written any more. */
const GRACE_MS = 7_500;

interface DaemonFlags {
  readonly once: boolean;
  readonly every: string;
  readonly shard: string | undefined;
  readonly isServed: boolean;
  /** Over what the settings say. */
  readonly http: { readonly host: string | undefined; readonly port: string | undefined };
}

export async function runDaemon(deps: Deps, { once, every, shard, isServed, http }: DaemonFlags): Promise<void> {
  const { screen, output, signal } = deps;
  const [{ spanOf }, engine, { StratctlError, builtinCalendar, openDatabase, openSources }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/engine"),
    import("@stratctl/sdk/internal"),
  ]);
  engine.holdYoungGeneration();
  const interval_ms = engine.checkedInterval(spanOf(every, "--every"));
  const [, part = "", of = ""] = /^(\d{1,4})\/(\d{1,4})$/.exec(shard ?? "1/1") ?? [];
  if (Number(part) < 1 || Number(part) > Number(of))
    throw new StratctlError("input_invalid", `--shard ${JSON.stringify(shard)} is not a part of a whole`, { hint: "write it like 1/2" });
  const settings = await deps.settings();
  const flags = Object.entries(http).filter(([, text]) => text !== undefined);
  const served = isServed ? engine.parseHttpSettings({ ...settings.http, ...Object.fromEntries(flags) }) : null;
  const log = await engine.createLog({
    stream: { write: (text) => screen.print(text) },
    is_terminal: screen.isTerminal && output.format === "auto",
    clock: engine.systemClock,
    calendar: builtinCalendar(),
  });
  const db = await openDatabase({ url: settings.url, signal });
  // Whoever calls has connections of his own: the loop's writes do not wait for his reads.
  const database = served === null ? null : await openDatabase({ url: settings.url, signal }, { as_it_is: true });
  const sources = openSources(settings);
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true });
  try {
    await engine.runDaemon({
      db,
      sources,
      log,
      signal,
      once,
      shard: { shard: Number(part), of: Number(of) },
      timing: { interval_ms },
      serve:
        served === null || database === null ? undefined : (loop) => engine.serveApi({ database, sources, settings: served, log }, loop),
    });
  } finally {
    await Promise.all([...sources.map((source) => source.close()), db.close(), database?.close()]);
  }
}
