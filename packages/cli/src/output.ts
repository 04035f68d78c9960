import type { Deps } from "./deps.ts";
import type { Row } from "./terminal/rows.ts";

/** What a view may know: the room it has, and what time it is. */
export interface ViewOptions {
  readonly width: number;
  readonly height: number;
  readonly color: boolean;
  readonly now_ms: number;
}

export interface Answer {
  /** What --json prints: the SDK's answer as it is. */
  readonly data: unknown;
  /** The same as rows, for --csv and for pipes. */
  readonly rows: readonly Row[];
  readonly fields: readonly string[];
  /** What a reader at a terminal sees. */
  readonly view: (options: ViewOptions) => string | Promise<string>;
  /** The view was asked for by name (`--chart`), so a pipe gets it too. */
  readonly isViewAsked?: boolean;
}

/** Prints an answer in the form that was asked for, or that the reader calls for. */
export async function deliver({ screen, output, now }: Deps, { data, rows, fields, view, isViewAsked = false }: Answer): Promise<void> {
  const { csv, json, tsv } = await import("./terminal/rows.ts");
  if (output.format === "json") screen.print(json(data, { spread: screen.isTerminal }));
  else if (output.format === "csv") screen.print(csv(rows, fields));
  else if (!screen.isTerminal && !isViewAsked) screen.print(tsv(rows, fields, { header: output.header, color: screen.color }));
  else {
    const { width, height, color } = screen;
    screen.print(`${await view({ width, height, color, now_ms: now() })}\n`);
  }
}
