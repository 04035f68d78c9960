/** A key that an object of a JSON text has more than once: JSON.parse takes the last, and whoever wrote it may have meant another. */
export interface RepeatedKey {
  /** With those of the objects around it before it: `profiles.desk.url`. */
  readonly key: string;
  /** From 1 on, a line a time. */
  readonly lines: readonly number[];
}

interface Level {
  readonly path: string;
  readonly lines: Map<string, number[]>;
  /** The last that was read: what the next object is the value of. */
  key: string;
}

/** A text with what follows it where that makes it a key, a bracket, or an end of line. */
const TOKENS = /"(?:[^"\\]|\\.)*"(?=(\s*:)?)|[{}]|\n/g;

/** All keys that are given more than once. @param text valid JSON */
export function repeatedKeys(text: string): RepeatedKey[] {
  const found: RepeatedKey[] = [];
  const levels: Level[] = [];
  let line = 1;
  for (const [token, colon] of text.matchAll(TOKENS)) {
    const level = levels.at(-1);
    if (token === "\n") line += 1;
    else if (token === "{") levels.push({ path: level === undefined ? "" : `${level.path}${level.key}.`, lines: new Map(), key: "" });
    else if (token === "}") found.push(...repeatedIn(levels.pop()));
    else if (level !== undefined && colon !== undefined) {
      level.key = String(JSON.parse(token)); // "\u0075rl" is url
      level.lines.set(level.key, [...(level.lines.get(level.key) ?? []), line]);
    }
  }
  return found;
}

function repeatedIn(level: Level | undefined): RepeatedKey[] {
  return [...(level?.lines ?? [])].flatMap(([key, lines]) => (lines.length > 1 ? [{ key: `${level?.path}${key}`, lines }] : []));
}
