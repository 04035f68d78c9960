import { spawnSync, type ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { displayWidth } from "../../packages/cli/src/terminal/format.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { writeMark } from "./marks.ts";
import { openShell, type Shell } from "./shell.ts";

/** The binary at a real terminal, which util-linux' `script` makes: where it may ask, and how wide it may be. */

const isThere = String(spawnSync("script", ["--version"]).stdout).includes("util-linux");
const missing = isThere ? null : "skipped: no `script` of util-linux to make a terminal with";
if (missing !== null) console.warn(missing);

const ESCAPE = "\u001B";
/** What lies between is shown at once. */
const BEGIN = `${ESCAPE}[?2026h`;
const END = `${ESCAPE}[?2026l`;
const DEADLINE_MS = 120_000;

let shell: Shell;
beforeAll(async () => {
  shell = await openShell();
  const legs = ["BUY 1lot NIFTY2580724400PE --price 64.95", "SELL 75 NIFTY2580724600PE --price 111.95"];
  const lines = ["stratctl account add XJ4540", "stratctl strategy create Condor", ...legs.map((leg) => `stratctl leg add condor ${leg}`)];
  const { exit, stderr } = await shell.run([...lines, "stratctl replay recordings/morning.csv"].join(" && "));
  expect({ exit, stderr: exit === 0 ? "" : stderr }).toEqual({ exit: 0, stderr: "" });
});
afterAll(async () => shell[Symbol.asyncDispose]());

describe.skipIf(missing)("at a terminal", () => {
  test.each([40, 60, 132])("of %i columns no line is longer", async (columns) => {
    for (const command of ["strategy list", "leg list condor", "m2m condor", "m2m condor --chart", "mark condor", "strategy show condor"]) {
      const { text, exit } = await atTerminal(`stratctl ${command}`, { columns });
      expect(exit).toBe(0);
      expect(text).toContain("P&L ₹");
      const widths = text.split("\n").map((line) => displayWidth(line.replaceAll("\r", "")));
      expect(Math.max(...widths), command).toBeLessThanOrEqual(columns);
    }
  });

  test.each([
    ["", true],
    ["NO_COLOR= ", true],
    ["NO_COLOR=1 ", false],
    ["NO_COLOR=0 ", false],
    ["TERM=dumb ", false],
  ])("no-color-by-its-own-rules: %j has colour: %s", async (variable, isColoured) => {
    const { text } = await atTerminal(`${variable}stratctl leg list condor`);
    expect(text.includes(ESCAPE)).toBe(isColoured);
    expect(text).toMatch(/[+-]\d+\.\d\d/);
  });

  test("--no-color has none, and FORCE_COLOR has it in a pipe", async () => {
    expect((await atTerminal("stratctl leg list condor --no-color")).text).not.toContain(ESCAPE);
    expect((await shell.run("FORCE_COLOR=1 stratctl leg list condor")).stdout).toContain(ESCAPE);
    expect((await shell.run("FORCE_COLOR=0 stratctl leg list condor")).stdout).not.toContain(ESCAPE);
  });

  test("what is missing is asked for, line by line", async () => {
    const terminal = openTerminal("stratctl strategy create");
    await terminal.answers("Name", "Straddle");
    await terminal.answers("Tags", "weekly, short");
    await terminal.answers("Add a leg", "BUY 1lot M&M26DECFUT");
    await terminal.sees("the lot size of NFO:M&M26DECFUT is not known");
    terminal.types("\u0015"); // Ctrl-U, which clears the line
    await terminal.answers("Add a leg", "SELL 1lot NIFTY2580724600PE");
    await terminal.sees("put 24,600 · expires Thu 7 Aug 2025");
    await terminal.sees("no price (redis: connection refused");
    await terminal.answers("Entry price", "111.95");
    await terminal.answers("Add a leg", "");
    await terminal.sees("Straddle, 1 leg, entry value 8,396.25 (credit)");
    expect(await terminal.ends()).toBe(0);
    expect((await shell.run("stratctl strategy show straddle | cut -f2,5,12")).stdout).toBe("Straddle\t1\tweekly,short\n");
  });

  test("Ctrl-C in a question ends with 130 and leaves nothing behind", async () => {
    const terminal = openTerminal("stratctl strategy create");
    await terminal.answers("Name", "Half");
    await terminal.sees("Tags");
    terminal.types("\u0003");
    expect(await terminal.ends()).toBe(130);
    expect((await shell.run("stratctl strategy show half")).exit).toBe(4);
  });

  test("a replay draws how far it is and takes that away for its report", async () => {
    const { text, exit } = await atTerminal("stratctl replay recordings/morning.csv --overwrite");
    expect(exit).toBe(0);
    expect(text).toContain("█");
    expect(text.slice(text.lastIndexOf("█"))).toContain(`\r${ESCAPE}[2K`);
    expect(text).toContain("next: stratctl m2m Condor --day 2025-07-31");
  });

  test("m2m --follow is drawn in its own place, a frame a write, and its last frame stays", async () => {
    const database = await openPool(shell.env["DATABASE_URL"] ?? "");
    const { strategy_id }: { strategy_id: number } = JSON.parse((await shell.run("stratctl strategy create Live --json")).stdout);
    const terminal = openTerminal("stratctl m2m live --follow");
    await terminal.sees("waiting for the next mark");
    await writeMark(database, { strategy_id, at: "2025-07-31T04:00:01Z", m2m: 1234 });
    await terminal.sees("M2M ₹ 1,234.00");
    await writeMark(database, { strategy_id, at: "2025-07-31T04:00:02Z", m2m: -500 });
    await terminal.sees("M2M ₹ -500.00");
    await terminal.sees(END);
    terminal.types("\u0003");
    expect(await terminal.ends()).toBe(130);
    await database.close();
    const [before = "", ...frames] = terminal.text().split(BEGIN);
    const drawn = frames.map((frame) => frame.replaceAll("\r\n", "\n"));
    expect(before).toBe("");
    // Each goes up as many lines as the one before it has, and what the terminal wrote of Ctrl-C lies below.
    const lines = drawn.map((frame) => frame.split(END)[0]?.split("\n").length ?? 0);
    expect(drawn.map((frame) => /^\[(\d+)A\r\[J/.exec(frame.replaceAll(ESCAPE, ""))?.[1])).toEqual([
      undefined,
      ...lines.slice(0, -1).map((count) => String(count - 1)),
    ]);
    expect(drawn.at(-1)).toContain("09:30:02 IST · 2 of 2 legs priced · low -1,234.00 · high +500.00\n");
    expect(drawn.at(-1)?.endsWith(END)).toBe(true);
  });

  test("Ctrl-C ends a daemon cleanly, with 130", async () => {
    const terminal = openTerminal("stratctl daemon --port 0");
    await terminal.sees("ready");
    terminal.types("\u0003");
    expect(await terminal.ends()).toBe(130);
  });
});

test("SIGTERM ends a daemon cleanly, with 0 and JSON to the last line", async () => {
  const { stdout, stderr, exit } = await shell.run(
    ": > log.txt; stratctl daemon --port 0 >> log.txt & until grep -q ready log.txt; do sleep 0.05; done; kill $!; wait $!; code=$?; cat log.txt; exit $code",
  );
  expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
  const lines = stdout.trim().split("\n");
  expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => "object"));
});

interface Terminal {
  /** Waits for a text after the last one that was seen. */
  sees(text: string): Promise<void>;
  types(text: string): void;
  /** Waits for a question, and answers it. */
  answers(question: string, answer: string): Promise<void>;
  /** The exit status. */
  ends(): Promise<number>;
  text(): string;
}

function openTerminal(command: string, { columns = 80 } = {}): Terminal {
  const child: ChildProcess = shell.start(`script -qefc 'stty cols ${columns} rows 24; ${command}' /dev/null`, {
    env: { TERM: "xterm-256color" },
  });
  let text = "";
  let seen = 0;
  const waiting = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    for (const look of waiting) look();
  });
  const ended = new Promise<number>((done) => child.on("close", (code) => done(code ?? -1)));
  const sees = (wanted: string) =>
    new Promise<void>((done, fail) => {
      const deadline = setTimeout(() => fail(new Error(`"${wanted}" was not seen in:\n${text}`)), DEADLINE_MS);
      const look = () => {
        const place = text.indexOf(wanted, seen);
        if (place < 0) return;
        seen = place + wanted.length;
        clearTimeout(deadline);
        waiting.delete(look);
        done();
      };
      waiting.add(look);
      look();
    });
  const types = (typed: string) => void child.stdin?.write(typed);
  return {
    sees,
    types,
    text: () => text,
    ends: () => ended,
    async answers(question, answer) {
      await sees(question);
      types(`${answer}\r`);
    },
  };
}

async function atTerminal(command: string, options: { columns?: number } = {}): Promise<{ text: string; exit: number }> {
  const terminal = openTerminal(command, options);
  const exit = await terminal.ends();
  return { text: terminal.text(), exit };
}
