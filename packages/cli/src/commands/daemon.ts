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
    .addHelpText(
      "after",
      `\nPrices come from Redis (REDIS_URL), and what it lacks from the ticker service
(TICKER_URL). The log is lines at a terminal and JSON elsewhere. SIGTERM ends it
once the minute under way is written.
${examples(["stratctl daemon"], ["stratctl daemon --every 5s"], ["stratctl daemon --shard 1/2", "beside another with 2/2"], ["stratctl daemon --once", "from cron, or to try the sources"])}`,
    )
    .action(
      act((deps, given) => runDaemon(deps, { once: given.isSet("once"), every: given.text("every") ?? "1s", shard: given.text("shard") })),
    );
}

/** The daemon gives its last write 5 s; half as long again is for what cannot be written any more. */
const GRACE_MS = 7_500;

export async function runDaemon(
  deps: Deps,
  { once, every, shard }: { once: boolean; every: string; shard?: string | undefined },
): Promise<void> {
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
  const log = await engine.createLog({
    stream: { write: (text) => screen.print(text) },
    is_terminal: screen.isTerminal && output.format === "auto",
    clock: engine.systemClock,
    calendar: builtinCalendar(),
  });
  const db = await openDatabase({ url: settings.url, signal });
  const sources = openSources(settings);
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true });
  try {
    await engine.runDaemon({ db, sources, log, signal, once, shard: { shard: Number(part), of: Number(of) }, timing: { interval_ms } });
  } finally {
    await Promise.all([...sources.map((source) => source.close()), db.close()]);
  }
}
