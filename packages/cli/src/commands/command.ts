import type { Command } from "commander";
import type { Deps } from "../deps.ts";

/** Arguments and flags of a call, by place and name. Commander has seen to it that they are such as were declared. */
export interface Given {
  /** An argument; undefined where it was left out. */
  argument(place: number): string | undefined;
  readonly all: readonly string[];
  /** The last, where it may be given again. */
  text(flag: string): string | undefined;
  list(flag: string): string[] | undefined;
  isSet(flag: string): boolean;
  /** `--no-tags` makes `tags` false. */
  isUnset(flag: string): boolean;
}

export type Run = (deps: Deps, given: Given) => Promise<void>;

/** Makes of a run what commander calls; it comes from program.ts, which alone knows the world. */
export type Act = (run: Run) => (this: Command) => Promise<void>;

export function givenOf(command: Command): Given {
  // An option of all commands is the program's, wherever it is written.
  const value = (flag: string, of: Command | null = command): unknown =>
    of === null ? undefined : (of.getOptionValue(flag) ?? value(flag, of.parent));
  return {
    argument: (place) => command.args[place],
    all: command.args,
    text(flag) {
      const given = value(flag);
      const text: unknown = Array.isArray(given) ? given.at(-1) : given;
      return typeof text === "string" ? text : undefined;
    },
    list(flag) {
      const list = value(flag);
      return Array.isArray(list) ? list.map(String) : undefined;
    },
    isSet: (flag) => value(flag) === true,
    isUnset: (flag) => value(flag) === false,
  };
}

/** Examples below a command's help, each with what it does where the command does not say so itself. */
export function examples(...lines: readonly (readonly [command: string, does?: string])[]): string {
  const text = lines.map(([command, does]) => {
    if (does === undefined) return `  $ ${command}`;
    const isShort = command.length + does.length < 70;
    return isShort ? `  $ ${command}    # ${does}` : `  # ${does}\n  $ ${command}`;
  });
  return `\nExamples:\n${text.join("\n")}`;
}

/** For an option that may be given again: `--tag a --tag b`. */
export function again(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
