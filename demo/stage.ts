import type { Stratctl } from "@stratctl/sdk";
import { givenOf, type Act } from "../packages/cli/src/commands/command.ts";
import type { Deps } from "../packages/cli/src/deps.ts";
import { buildProgram } from "../packages/cli/src/program.ts";
import { openScreen, type Screen } from "../packages/cli/src/terminal/screen.ts";

/** The real commands, run in this process on one database and shown as they would be typed. */
export interface Stage {
  readonly screen: Screen;
  /** Prints the command, runs it, prints what it answers. Rejects as the command does. */
  readonly play: (...argv: readonly string[]) => Promise<void>;
}

export function openStage(stratctl: Stratctl, signal: AbortSignal): Stage {
  const screen = openDemoScreen();
  const deps: Deps = {
    screen,
    env: process.env,
    now: Date.now,
    signal,
    output: { format: "auto", header: false },
    settings: () =>
      Promise.resolve({
        url: undefined,
        account_id: undefined,
        redis_url: undefined,
        ticker_url: undefined,
        token_file: undefined,
        profile: null,
        http: {},
        sources: {},
        found: new Map(),
      }),
    connect: () => Promise.resolve(stratctl),
    input: () => Promise.resolve(null),
    ask: () => Promise.resolve(null),
    takeTime: () => undefined,
    onHangUp: () => undefined,
  };
  const act: Act = (run) =>
    async function () {
      await run(deps, givenOf(this));
    };
  return {
    screen,
    async play(...argv) {
      screen.print(`$ stratctl ${argv.map(quoted).join(" ")}\n`);
      await buildProgram(act)
        .exitOverride()
        .parseAsync([...argv], { from: "user" });
      screen.print("\n");
    },
  };
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`;
}

/** As at a terminal, also in a pipe: what a demo shows is for a reader. Colours stay a matter of the real output. */
export function openDemoScreen(): Screen {
  const { stdin, stdout, stderr, env } = process;
  const shown = { isTTY: true, columns: stdout.columns, rows: stdout.rows, write: (text: string): unknown => stdout.write(text) };
  return openScreen({ stdin, stdout: shown, stderr, env }, { noColor: !stdout.isTTY && !env["FORCE_COLOR"] });
}
