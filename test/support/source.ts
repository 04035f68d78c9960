import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "vitest/node";
import { z } from "zod";

/** A file as the rules of the house read it: what it imports, what it says in quotes, what of the machine it touches. */
export interface Source {
  /** From the root of the clone: `packages/sdk/src/model/money.ts`. */
  readonly path: string;
  readonly line_count: number;
  readonly imports: readonly Import[];
  /** Strings and templates, without the names of imports. */
  readonly texts: readonly string[];
  /** Names used as variables, and `Date.now`, `Math.random` and `new Date()`, which are inputs as much as a file is. */
  readonly names: ReadonlySet<string>;
  /** Casts but for `as const`, as they are written. */
  readonly casts: readonly string[];
}

export interface Import {
  /** As written: `zod`, `./money.ts`. */
  readonly name: string;
  /** The file it leads to, from the root of the clone; null for a package. */
  readonly file: string | null;
  /** `type` leaves no trace at run time; `lazy` is `import()`. */
  readonly kind: "value" | "type" | "lazy";
}

export const root = path.resolve(import.meta.dirname, "..", "..");

/** Every TypeScript file of the clone, by its path. */
export function readSources(patterns: readonly string[]): Map<string, Source> {
  const found = globSync(patterns, { cwd: root, exclude: (name) => name === "node_modules" || name === "dist" });
  return new Map(found.toSorted().map((file) => [file, parseSource(file, readFileSync(path.join(root, file), "utf8"))]));
}

/** The source of a text, as if it stood at that path. */
export function parseSource(file: string, text: string): Source {
  const found = { imports: new Array<Import>(), texts: new Array<string>(), names: new Set<string>(), casts: new Array<string>() };
  const note = (name: string, kind: Import["kind"]): void => void found.imports.push({ name, kind, file: fileOf(file, name) });
  visit(parseAst(text, { lang: "ts" }, file), null, "", (node, parent, key) => {
    const from = literal(node["source"]);
    if (from !== null) note(from, kindOf(node));
    else if (node.type === "Literal" && typeof node["value"] === "string") found.texts.push(node["value"]);
    else if (node.type === "TemplateLiteral") found.texts.push(text.slice(node.start + 1, node.end - 1));
    else if (node.type === "Identifier" && !isLabel(parent, key)) found.names.add(text.slice(node.start, node.end));
    else if (node.type === "MemberExpression" || node.type === "NewExpression") found.names.add(text.slice(node.start, node.end));
    else if (isCast(node, text)) found.casts.push(text.slice(node.start, node.end));
    return from === null;
  });
  return { path: file, line_count: text.trimEnd().split("\n").length, ...found };
}

const Node = z.looseObject({ type: z.string(), start: z.int(), end: z.int() });
type Node = z.infer<typeof Node>;

/** Walks every node; `enter` says whether to go below it. */
function visit(value: unknown, parent: Node | null, key: string, enter: (node: Node, parent: Node | null, key: string) => boolean): void {
  if (Array.isArray(value)) for (const item of value) visit(item, parent, key, enter);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  const node = Node.safeParse(value).data;
  if (node === undefined || !enter(node, parent, key)) return;
  for (const [name, child] of Object.entries(value)) visit(child, node, name, enter);
}

function literal(value: unknown): string | null {
  const node = z.looseObject({ type: z.literal("Literal"), value: z.string() }).safeParse(value).data;
  return node?.value ?? null;
}

function kindOf(node: Node): Import["kind"] {
  if (node.type === "ImportExpression") return "lazy";
  return node.type === "TSImportType" || node["importKind"] === "type" || node["exportKind"] === "type" ? "type" : "value";
}

function fileOf(from: string, name: string): string | null {
  return name.startsWith(".") ? path.posix.join(path.posix.dirname(from), name) : null;
}

/** A key or a property is a label that the file gives itself, not a thing it uses. */
function isLabel(parent: Node | null, key: string): boolean {
  return parent !== null && (key === "key" || key === "property") && parent["computed"] !== true;
}

function isCast(node: Node, text: string): boolean {
  if (node.type !== "TSAsExpression" && node.type !== "TSTypeAssertion") return false;
  return !text.slice(node.start, node.end).endsWith("as const");
}
