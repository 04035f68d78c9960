/** What this process may show and may ask, decided once. Only this file and main.ts know the process. */
export interface Screen {
  /** Standard output is a terminal: views for a reader, not rows for a program. */
  readonly isTerminal: boolean;
  /** Somebody is there to answer: input, output and the prompts' own stream are terminals. */
  readonly canAsk: boolean;
  /** Progress may be drawn: standard error is a terminal that moves its cursor. */
  readonly canDraw: boolean;
  readonly color: boolean;
  /** In columns and rows; 80 by 24 where there is no terminal to tell. */
  readonly width: number;
  readonly height: number;
  /** Data, to standard output, as it is. */
  print(text: string): void;
  /** Notes, warnings and progress, to standard error, as they are. */
  note(text: string): void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export interface Surroundings {
  readonly stdin: { readonly isTTY?: boolean | undefined };
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Environment;
}

export function openScreen({ stdin, stdout, stderr, env }: Surroundings, { noColor = false } = {}): Screen {
  const movesCursor = env["TERM"] !== "dumb";
  return {
    isTerminal: stdout.isTTY === true,
    canAsk: stdin.isTTY === true && stdout.isTTY === true && stderr.isTTY === true && movesCursor,
    canDraw: stderr.isTTY === true && movesCursor,
    color: !noColor && wantsColor({ isTerminal: stdout.isTTY === true, env }),
    // A getter, since a window may be resized while a command runs.
    get width() {
      return sizeOf(stdout.columns, env["COLUMNS"], 80);
    },
    get height() {
      return sizeOf(stdout.rows, env["LINES"], 24);
    },
    print: (text) => void stdout.write(text),
    note: (text) => void stderr.write(text),
  };
}

/** NO_COLOR counts when it is not empty, whatever it says; FORCE_COLOR=0 is a no, any other value of it a yes. */
export function wantsColor({ isTerminal, env }: { isTerminal: boolean; env: Environment }): boolean {
  if (env["NO_COLOR"]) return false;
  const forced = env["FORCE_COLOR"];
  if (forced) return forced !== "0" && forced !== "false";
  return isTerminal && env["TERM"] !== "dumb";
}

/** Some terminals and CI runners say 0 columns: they do not know. */
function sizeOf(told: number | undefined, variable: string | undefined, otherwise: number): number {
  if (told !== undefined && told > 0) return told;
  return variable !== undefined && /^[1-9]\d{0,3}$/.test(variable) ? Number(variable) : otherwise;
}
