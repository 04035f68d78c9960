import path from "node:path";
import { connect } from "@stratctl/sdk";
import { formatUnits, temporaryEmbedded } from "@stratctl/sdk/internal";
import { failureOf, reportText } from "../packages/cli/src/failure.ts";
import { openProgress } from "../packages/cli/src/terminal/progress.ts";
import { DEMO_DAY, madeUpMarket, type MadeUpMarket } from "./market.ts";
import { nextCommands } from "./next.ts";
import { recordMarket, type MadeUpRecording } from "./recording.ts";
import { openDemoScreen, openStage, type Stage } from "./stage.ts";

/**
 * A whole session from nothing: a database in a temporary folder, an iron condor, a made-up market replayed through the
 * engine, and what the commands show of it. Nothing is left behind, however it ends.
 */

/** Every view begins with it: none must be taken for a real day. */
const NAME = "Made-up condor";

const stop = stopOn(process);
try {
  await demo(stop.signal);
} catch (error) {
  if (stop.status() === 130) process.stderr.write("stratctl: interrupted; the demo's database and its folder are gone\n");
  else if (!stop.signal.aborted) {
    const failure = await failureOf(error, []);
    process.stderr.write(reportText(failure, { isJson: false }));
    process.exitCode = failure.exit;
  }
}
process.exitCode = stop.status() ?? process.exitCode;

async function demo(signal: AbortSignal): Promise<void> {
  const market = madeUpMarket(DEMO_DAY);
  const screen = openDemoScreen();
  screen.print(`stratctl: a session of NIFTY options on ${market.day}\n${market.label}\n\n`);
  const progress = openProgress(screen, Date.now);
  try {
    progress.show(null, "starting a Postgres of the demo's own");
    await using database = await temporaryEmbedded({ signal });
    onlyThis(database.folder);
    await using stratctl = await connect({ signal });
    const recording = await recordMarket(market, path.join(database.folder, "made-up.csv.gz"), signal);
    progress.close();
    await show(market, recording, openStage(stratctl, signal));
  } finally {
    progress.close();
  }
}

async function show(market: MadeUpMarket, recording: MadeUpRecording, { play, screen }: Stage): Promise<void> {
  const priceOf = (instrument: string): string => formatUnits(recording.opening.get(instrument)?.price_units ?? NaN);
  await play("account", "add", "DEMO");
  await play("strategy", "create", NAME);
  for (const [direction, instrument] of condorOf(market)) {
    await play("leg", "add", NAME, direction, "1lot", symbolOf(instrument), "--price", priceOf(instrument));
  }
  await play("replay", recording.path);
  await play("leg", "list", NAME);
  await play("m2m", NAME);
  await play("m2m", NAME, "--chart");
  screen.print(goodbye(market));
}

/** Sold 200 points from the money on both sides, bought 400 away: what an index that stays where it is pays. */
function condorOf({ strikes, option }: MadeUpMarket): (readonly [direction: "BUY" | "SELL", instrument: string])[] {
  const middle = Math.floor(strikes.length / 2);
  const at = (steps: number, type: "CE" | "PE"): string => option(strikes[middle + steps] ?? NaN, type);
  return [
    ["BUY", at(-4, "PE")],
    ["SELL", at(-2, "PE")],
    ["SELL", at(2, "CE")],
    ["BUY", at(4, "CE")],
  ];
}

/** As it may be typed: the exchange follows from the name. */
function symbolOf(instrument: string): string {
  return instrument.slice(instrument.indexOf(":") + 1);
}

function goodbye({ strikes }: MadeUpMarket): string {
  const commands = nextCommands({ now_ms: Date.now(), price: strikes[Math.floor(strikes.length / 2)] ?? NaN });
  return `The demo's database is gone with its folder. On one of your own, which stays:\n${commands.map((one) => `  npx -y pnpm@12.4.2 stratctl ${one}\n`).join("")}`;
}

/** Nothing that this shell was told about other databases and accounts counts here. */
function onlyThis(folder: string): void {
  for (const name of ["STRATCTL_URL", "DATABASE_URL", "STRATCTL_ACCOUNT"]) delete process.env[name];
  process.env["STRATCTL_DATA"] = folder;
}

/**
 * Ctrl-C (130), SIGTERM (143) and a reader that has gone (0) end the demo after it has tidied up; told again, at once: the
 * temporary database has a watcher that tidies up after a process that could not.
 */
function stopOn({ stdout }: NodeJS.Process): { signal: AbortSignal; status: () => number | null } {
  const controller = new AbortController();
  let status: number | null = null;
  const end = (given: number): void => {
    if (status !== null) process.exit(status);
    status = given;
    controller.abort();
  };
  process.on("SIGINT", () => end(130));
  process.on("SIGTERM", () => end(143));
  process.on("SIGHUP", () => end(129));
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (status === null) end(0);
  });
  return { signal: controller.signal, status: () => status };
}
