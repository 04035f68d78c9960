import type { RowTexts } from "../store/db.ts";
import { TransferKind, type Form } from "../store/transfer-kinds.ts";
import { cellOf, columnsOf, type Cell } from "./cell.ts";

/** A row a line: `{"kind":"legs","row":{"id":7,…}}`, each number with all its digits. */

const RAW: ReadonlySet<Form> = new Set<Form>(["whole", "long", "amount", "flag", "list", "json"]);

export function jsonLine(kind: TransferKind, row: RowTexts): string {
  const fields = columnsOf(kind).map(({ name, form }, at) => {
    const cell = cellOf(row[at] ?? null, form);
    return `"${name}":${cell === null || RAW.has(form) ? cell : JSON.stringify(cell)}`;
  });
  return `{"kind":"${kind}","row":{${fields.join(",")}}}\n`;
}

/** A value of a line, with the text that stands for it: numbers keep their digits. */
class Told {
  readonly value: unknown;
  readonly source: string | undefined;

  constructor(value: unknown, source: string | undefined) {
    this.value = value;
    this.source = source;
  }

  get fields(): Readonly<Record<string, unknown>> | null {
    const { value } = this;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : null;
  }

  get text(): string {
    if (this.source !== undefined) return this.source;
    if (Array.isArray(this.value)) return `[${this.value.map(textOf).join(",")}]`;
    return `{${Object.entries(this.fields ?? {})
      .map(([name, field]) => `${JSON.stringify(name)}:${textOf(field)}`)
      .join(",")}}`;
  }

  /** As a CSV would have it. */
  cell(form: Form | undefined): Cell {
    if (form === "json") return this.text;
    if (this.value === null) return null;
    return typeof this.value === "string" ? this.value : this.text;
  }
}

function textOf(value: unknown): string {
  return value instanceof Told ? value.text : "null";
}

function formsOf(kind: TransferKind): ReadonlyMap<string, Form> {
  return new Map(columnsOf(kind).map(({ name, form }) => [name, form]));
}

const FORMS: ReadonlyMap<TransferKind, ReadonlyMap<string, Form>> = new Map(TransferKind.options.map((kind) => [kind, formsOf(kind)]));

export type JsonLine =
  | { readonly kind: TransferKind; readonly cells: ReadonlyMap<string, Cell> }
  | { readonly end: unknown }
  | { readonly fault: string };

/** Reads a line: a row, the last line, or what is wrong with it. */
export function readJsonLine(line: string): JsonLine {
  let told: unknown;
  try {
    told = JSON.parse(line, (_key, value: unknown, context?: { source?: string }) => new Told(value, context?.source));
  } catch {
    return { fault: "is not JSON" };
  }
  const fields = told instanceof Told ? told.fields : null;
  if (fields === null) return { fault: "is no JSON object" };
  if ("stratctl_export" in fields) return { end: JSON.parse(line) };
  const kind = TransferKind.safeParse(fields["kind"] instanceof Told ? fields["kind"].value : undefined);
  const row = fields["row"] instanceof Told ? fields["row"].fields : null;
  if (!kind.success || row === null || Object.keys(fields).length !== 2)
    return { fault: `is not {"kind":…,"row":{…}} of a kind that there is (${TransferKind.options.join(", ")})` };
  const forms = FORMS.get(kind.data);
  const cells = Object.entries(row).map(([name, value]): [string, Cell] => [
    name,
    value instanceof Told ? value.cell(forms?.get(name)) : null,
  ]);
  return { kind: kind.data, cells: new Map(cells) };
}
