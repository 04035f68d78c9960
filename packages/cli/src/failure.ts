import { CommanderError } from "commander";

/** An error as it leaves the process. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly exit: number;
  /** For whoever mends a fault of ours. */
  readonly stack?: string | undefined;
}

/** Wrong use: an option, a command or an argument that there is not. The same as bad input, which ERRORS says is 2. */
const USAGE_EXIT = 2;

/** `command` is what was run, for the hint: `["leg", "add"]`. */
export async function failureOf(error: unknown, command: readonly string[]): Promise<Failure> {
  if (error instanceof CommanderError) return usageOf(error, command);
  const { commandHint, ERRORS, StratctlError } = await import("@stratctl/sdk/internal");
  if (error instanceof StratctlError) {
    const { code, message, details, exit } = error;
    return { code, message, hint: commandHint(error), details, exit, ...(code === "internal" ? { stack: error.stack } : {}) };
  }
  if (error instanceof Error && error.name === "AbortError")
    return { code: "interrupted", message: "interrupted", hint: null, details: {}, exit: ERRORS.interrupted.exit };
  const fault = error instanceof Error ? error : new Error(String(error));
  return {
    code: "internal",
    message: `fault in stratctl: ${fault.message}`,
    hint: null,
    details: {},
    exit: ERRORS.internal.exit,
    stack: fault.stack,
  };
}

/** Where calls went that were not to the built-in database. */
export interface Place {
  readonly profile: string | null;
  /** Without a password. */
  readonly url: string;
}

/** A failure with where it was: whoever has several servers would look at the wrong one. */
export function failureAt(failure: Failure, place: Place | null): Failure {
  if (place === null || failure.code === "interrupted") return failure;
  const { profile, url } = place;
  const where = profile === null ? url : `profile ${profile}, ${url}`;
  const details = { ...failure.details, url, ...(profile === null ? {} : { profile }) };
  return { ...failure, hint: failure.hint === null ? `at ${where}` : `${failure.hint} (${where})`, details };
}

/** `stratctl: ` and what is wrong on one line; what to do on a second; as JSON one object on one line. */
export function reportText({ exit: _exit, stack, ...failure }: Failure, { isJson }: { isJson: boolean }): string {
  if (isJson) return `${JSON.stringify(failure)}\n`;
  if (failure.message === "") return ""; // help that was printed already
  const lines = [`stratctl: ${oneLine(failure.message)}`, ...(failure.hint === null ? [] : [`  ${oneLine(failure.hint)}`])];
  return `${[...lines, ...(stack === undefined ? [] : [stack])].join("\n")}\n`;
}

/** A message may quote what somebody typed: it may neither break the line nor drive the terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").trim();
}

function usageOf(error: CommanderError, command: readonly string[]): Failure {
  const message = error.code === "commander.help" ? "" : usageMessage(error.message);
  const hint = `see ${["stratctl", ...command, "--help"].join(" ")}`;
  return { code: "input_invalid", message, hint, details: {}, exit: USAGE_EXIT };
}

/** Commander's sentence as one of ours. */
function usageMessage(text: string): string {
  const [first = "", ...more] = text.replace(/^error: /, "").split("\n");
  const asked = /^missing required argument '(.*)'$/.exec(first);
  const valued = /^option '(.*)' argument missing$/.exec(first);
  const sentence =
    asked?.[1] !== undefined
      ? `missing ${asked[1]}`
      : valued?.[1] !== undefined
        ? `option ${valued[1]} wants a value`
        : first.replace(/\.$/, "");
  const suggestion = /\(Did you mean (.*)\?\)/.exec(more.join(" "))?.[1];
  return sentence.replaceAll("'", '"') + (suggestion === undefined ? "" : `; did you mean ${suggestion}?`);
}
