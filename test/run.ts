import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { installNeeds } from "./debian.ts";
import { pnpm } from "./support/pnpm.ts";
import { closingLine, tally } from "./tally.ts";

/**
 * The one test command: every check, then every test, so that one run shows all faults. `--checks` leaves the tests out;
 * what else follows goes to vitest (`npx -y pnpm@12.4.2 test packages/sdk -t candle`).
 */

const root = path.resolve(import.meta.dirname, "..");
const given = process.argv.slice(2).filter((argument) => argument !== "--");
const checksOnly = given.includes("--checks");
const forVitest = given.filter((argument) => argument !== "--checks");

/** A check is a row of commands; it ends with the first that fails. */
type Check = readonly [title: string, ...commands: readonly (readonly string[])[]];

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort());

const scratch = await mkdtemp(path.join(tmpdir(), "stratctl-test-"));
try {
  process.exitCode = await run();
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function run(): Promise<number> {
  const faults: string[] = [];
  for (const [title, ...commands] of checks()) {
    // What does not compile cannot be packed: one fault is told once.
    if (title.startsWith("package") && faults.includes("types")) heading(title, "not tried: types");
    else if (!(await check(title, commands))) faults.push(title);
  }
  if (checksOnly) {
    summary(faults);
    return faults.length === 0 ? 0 : 1;
  }
  heading("needs");
  // On a machine of one's own a failed install costs some tests; where nobody reads "skipped" it must not pass.
  if (!installNeeds() && process.env["CI"]) faults.push("needs");
  const tests = await vitest();
  summary(faults);
  console.log(tests.line);
  if (stopped.signal.aborted) return 130;
  return faults.length === 0 && tests.passed ? 0 : 1;
}

function checks(): readonly Check[] {
  return [
    ["format", ["oxfmt", "--check"]],
    ["types", ["tsc", "-b"]],
    ["lint", ["oxlint", "--type-aware", "--deny-warnings", "--report-unused-disable-directives"]],
    ["unused", ["knip", "--no-progress", "--treat-config-hints-as-errors"]],
    ["package sdk", ...packageChecks("sdk", "stratctl-sdk")],
    ["package engine", ...packageChecks("engine", "stratctl-engine")],
    ["package cli", ...packageChecks("cli", "stratctl")],
  ];
}

/** Packed as it would be published (which builds it), then read as a package manager and as the compiler read it. */
function packageChecks(folder: string, name: string): readonly (readonly string[])[] {
  const tarball = path.join(scratch, `${name}.tgz`);
  const pack = [...pnpm, "--dir", path.join("packages", folder), "pack", "--out", tarball];
  const commands = [pack, ["publint", "run", tarball, "--strict"]];
  // The command has no door for imports, so there are no types to resolve.
  return folder === "cli" ? commands : [...commands, ["attw", "--profile", "esm-only", tarball]];
}

async function check(title: string, commands: readonly (readonly string[])[]): Promise<boolean> {
  if (stopped.signal.aborted) return false;
  const started = performance.now();
  for (const command of commands) {
    const { status, output } = await capture(command);
    if (status === 0) continue;
    heading(title);
    console.log(`${command.join(" ")}\n${output.trimEnd()}`);
    return false;
  }
  heading(title, `ok, ${seconds(started)}`);
  return true;
}

/** Runs the tests; what they print goes to the terminal as it comes. `line` closes the run. */
async function vitest(): Promise<{ passed: boolean; line: string }> {
  heading("tests");
  const report = path.join(scratch, "vitest.json");
  const status = await show(["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...forVitest]);
  const counts = tally(await readFile(report, "utf8").catch(() => null));
  if (status !== 0 && counts.failed === 0) console.log(`vitest ended with ${status} although no test failed: see above`);
  return { passed: status === 0 && counts.failed === 0, line: closingLine(counts) };
}

function summary(faults: readonly string[]): void {
  heading("done");
  console.log(faults.length === 0 ? "every check passed" : `checks that failed, see above: ${faults.join(", ")}`);
}

function heading(title: string, note = ""): void {
  console.log(`── ${title} ${note === "" ? "" : `(${note}) `}`.padEnd(80, "─"));
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

async function capture(command: readonly string[]): Promise<{ status: number; output: string }> {
  const chunks: string[] = [];
  const status = await start(command, "pipe", (text) => chunks.push(text));
  return { status, output: chunks.join("") };
}

async function show(command: readonly string[]): Promise<number> {
  return start(command, "inherit");
}

/** The exit status; 1 where it could not be started or was ended by a signal. */
function start([program = "", ...args]: readonly string[], stdio: "pipe" | "inherit", onText?: (text: string) => void): Promise<number> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ["ignore", stdio, stdio],
    // The workspace's own programs first, its Node 24 among them, also where this file was started without pnpm.
    env: { ...process.env, PATH: path.join(root, "node_modules", ".bin") + path.delimiter + (process.env["PATH"] ?? "") },
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", onText ?? (() => undefined));
  const stop = (): boolean => child.kill("SIGTERM");
  stopped.signal.addEventListener("abort", stop);
  return new Promise<number>((resolve) => {
    child.on("error", (error) => {
      onText?.(error.message);
      resolve(1);
    });
    child.on("close", (status) => resolve(status ?? 1));
  }).finally(() => stopped.signal.removeEventListener("abort", stop));
}
