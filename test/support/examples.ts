import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./source.ts";

/** A piece of code that a reader may copy: from a doc comment, a page or the folder of examples. */
export interface Example {
  /** Where it stands: `packages/sdk/src/m2m/mark.ts:72`. */
  readonly place: string;
  readonly code: string;
  /** What it prints, by the comments behind its console.log; null where it does not say. */
  readonly prints: readonly string[] | null;
}

/** Every example of the clone that stands alone, which it says by importing what it uses. */
export function readExamples(): { alone: Example[]; fragments: Example[] } {
  const all = [
    ...inComments("packages/sdk/src/**/*.ts"),
    ...inPages("{README,CHANGELOG}.md", "docs/**/*.md"),
    ...inFiles("examples/**/*.ts"),
  ];
  const isAlone = ({ code }: Example): boolean => /^import .* from "@stratctl\//m.test(code);
  return { alone: all.filter(isAlone), fragments: all.filter((example) => !isAlone(example)) };
}

const COMMENT = /^([ \t]*)\* @example\n((?:\1\*(?! @)(?!\/).*\n)+)/gm;
const BLOCK = /^```ts\n([\s\S]*?)^```$/gm;

function inComments(...patterns: string[]): Example[] {
  return found(patterns).flatMap(({ file, text }) =>
    [...text.matchAll(COMMENT)].map((match) => exampleAt(file, text, match.index, (match[2] ?? "").replaceAll(/^[ \t]*\* ?/gm, ""))),
  );
}

function inPages(...patterns: string[]): Example[] {
  return found(patterns).flatMap(({ file, text }) =>
    [...text.matchAll(BLOCK)].map((match) => exampleAt(file, text, match.index, match[1] ?? "")),
  );
}

function inFiles(...patterns: string[]): Example[] {
  return found(patterns).map(({ file, text }) => exampleAt(file, text, 0, text));
}

function found(patterns: readonly string[]): { file: string; text: string }[] {
  const files = globSync(patterns, { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  return files.toSorted().map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));
}

function exampleAt(file: string, text: string, index: number, code: string): Example {
  return { place: `${file}:${text.slice(0, index).split("\n").length}`, code, prints: printsOf(code) };
}

/** `console.log(m2m); // 500`, or the same behind the closing bracket of a long call. */
function printsOf(code: string): string[] | null {
  const told = [...code.matchAll(/^(?:.*console\.log\(.*|[ \t]*\}?\)+);? \/\/ (.+)$/gm)].map((match) => match[1] ?? "");
  const printed = code.match(/console\.log\(/g)?.length ?? 0;
  return told.length > 0 && told.length === printed ? told : null;
}
