import { text } from "node:stream/consumers";
import { CommanderError, type Command } from "commander";
import type { Stratctl } from "@stratctl/sdk";
import { calendarOf } from "./calendar.ts";
import { givenOf, type Act } from "./commands/command.ts";
import { configFile, readConfig, type FileFault } from "./config-file.ts";
import type { Deps, StopTime } from "./deps.ts";
import { failureAt, failureOf, reportText, type Place } from "./failure.ts";
import { withoutPassword } from "./keys.ts";
import { buildProgram } from "./program.ts";
import { readCredentials, settingsOf, type Settings } from "./settings.ts";
import { asErrors, isJournal } from "./terminal/journal.ts";
import { openScreen, type Screen } from "./terminal/screen.ts";

/** Runs the command of this process and sets its exit status. Nothing is thrown. */
export async function runProcess(process: NodeJS.Process): Promise<void> {
  const argv = process.argv.slice(2);
  const screen = openScreen(process, { noColor: argv.includes("--no-color") });
  const stopper = stopOn(process);
  const warn = warnOnce(screen, configFile(process.env));
  const held: { stratctl: Promise<Stratctl> | null; place: Place | null } = { stratctl: null, place: null };
  const act: Act = (run) =>
    async function (this: Command) {
      const flags = givenOf(rootOf(this));
      const settings: Deps["settings"] = async ({ isStrict = false } = {}) => {
        const { env } = process;
        const config = await readConfig(configFile(env), isStrict ? "refuse" : warn);
        const found = await settingsOf({ flags, env, config, credentials: await readCredentials(env) });
        held.place = placeOf(found);
        return found;
      };
      const deps: Deps = {
        screen,
        env: process.env,
        now: Date.now,
        signal: stopper.signal,
        output: { format: flags.isSet("json") ? "json" : flags.isSet("csv") ? "csv" : "auto", header: flags.isSet("header") },
        settings,
        connect: () => (held.stratctl ??= open(settings, stopper.signal)),
        input: () => (process.stdin.isTTY ? Promise.resolve(null) : text(process.stdin)),
        ask: () => openAskAt(process, screen, stopper.signal),
        takeTime: stopper.takeTime,
        onHangUp: stopper.onHangUp,
      };
      await run(deps, givenOf(this));
    };
  const program = quietened(buildProgram(act), screen);
  const status = await statusOf(() => runCommand(program, argv), { program, argv, screen, place: () => held.place });
  await held.stratctl?.then((stratctl) => stratctl.close()).catch(() => undefined);
  process.exitCode = stopper.status() ?? status;
}

async function runCommand(program: Command, argv: readonly string[]): Promise<void> {
  if (argv.length === 0) program.outputHelp();
  else await program.parseAsync(argv, { from: "user" });
}

/** Commander throws what it would have printed and ended with. */
function quietened(command: Command, screen: Screen): Command {
  const width = () => screen.width;
  command.exitOverride().configureOutput({ outputError: () => undefined, getOutHelpWidth: width, getErrHelpWidth: width });
  for (const child of command.commands) quietened(child, screen);
  return command;
}

/** The one place where an error becomes lines on standard error and an exit status. */
async function statusOf(
  work: () => Promise<void>,
  { program, argv, screen, place }: { program: Command; argv: readonly string[]; screen: Screen; place: () => Place | null },
): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help and --version
    const failure = failureAt(await failureOf(error, namesOf(program, argv)), place());
    const report = reportText(failure, { isJson: argv.includes("--json") });
    screen.note(isJournal(2, process.env) ? asErrors(report) : report);
    return failure.exit;
  }
}

/** The words that named a command, as far as they did: `leg add`. */
function namesOf(command: Command, argv: readonly string[]): string[] {
  const words = argv.filter((word) => !word.startsWith("-"));
  const next = command.commands.find((child) => child.name() === words[0]);
  return next === undefined ? [] : [next.name(), ...namesOf(next, words.slice(1))];
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

async function open(settings: Deps["settings"], signal: AbortSignal): Promise<Stratctl> {
  const [{ connect }, given] = await Promise.all([import("@stratctl/sdk"), settings()]);
  const { url, account_id, redis_url, ticker_url, sources, token_file } = given;
  const options = { url, account_id, redis_url, ticker_url, sources, calendar: await calendarOf(given) };
  if (token_file === undefined) return connect({ ...options, signal });
  const { readTokenFile } = await import("@stratctl/sdk/internal");
  // Read for each attempt: whoever renews a token writes it anew.
  return connect({ ...options, signal, getToken: () => readTokenFile(token_file) });
}

/** A key that is not known is no reason to refuse a command, and one to say so. */
function warnOnce(screen: Screen, file: string): (faults: readonly FileFault[]) => void {
  let isTold = false;
  return (faults) => {
    if (isTold) return;
    isTold = true;
    for (const { message, hint } of faults) screen.note(`stratctl: config file ${file} ${message}${hint === null ? "" : `; ${hint}`}\n`);
  };
}

/** A server, or what a profile names; null where an error tells by itself which database it is about. */
function placeOf({ url = "", profile }: Settings): Place | null {
  return profile === null && !/^\s*https?:/i.test(url) ? null : { profile, url: withoutPassword(url) };
}

async function openAskAt({ stdin, stderr }: NodeJS.Process, screen: Screen, signal: AbortSignal): ReturnType<Deps["ask"]> {
  if (!screen.canAsk) return null;
  const { openAsk } = await import("./terminal/prompt.ts");
  return openAsk({ input: stdin, output: stderr, signal });
}

interface Stopper {
  readonly signal: AbortSignal;
  /** What a stop from outside makes of the exit status; null where there was none. */
  readonly status: () => number | null;
  readonly takeTime: Deps["takeTime"];
  readonly onHangUp: Deps["onHangUp"];
}

/**
 * What ends a command from outside: Ctrl-C (130), SIGTERM (143, or 0 for what runs until it is stopped), and a reader of
 * standard output that has gone (0: head has what it wanted; a log is not what its command is for). A command that has nothing
 * to finish ends at once; another gets the time it asked for, or until it is told again.
 */
function stopOn(process: NodeJS.Process): Stopper {
  const controller = new AbortController();
  let status: number | null = null;
  let time: StopTime = { grace_ms: 0, isEndless: false };
  const stop = (given: number): void => {
    const isAgain = status !== null;
    status ??= given;
    controller.abort();
    if (isAgain || time.grace_ms === 0) process.exit(status);
    setTimeout(() => process.exit(given), time.grace_ms).unref();
  };
  let isUnread = false;
  const unread = (): void => {
    if (!isUnread) process.stderr.write("stratctl: nobody reads standard output any more; it goes on without\n");
    isUnread = true;
  };
  process.on("SIGINT", () => stop(130));
  process.on("SIGTERM", () => stop(time.isEndless ? 0 : 143));
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return time.isLogged === true ? unread() : stop(0);
    // A full disk: what was printed is not whole, and whoever reads it must know.
    process.stderr.write(`stratctl: cannot write to standard output (${error.code ?? error.message})\n`);
    stop(1);
  });
  // Nobody reads what goes wrong: that is not one more thing to go wrong.
  process.stderr.on("error", () => undefined);
  return {
    signal: controller.signal,
    status: () => status,
    takeTime: (given) => void (time = given),
    // Whose terminal has gone has nobody who would read the log, or end it.
    onHangUp: (listener) => void process.on("SIGHUP", process.stdout.isTTY ? () => stop(129) : listener),
  };
}
