import type { Mark, Strategy, StreamGap } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { openLasting } from "../terminal/lasting.ts";
import { MARK_FIELDS } from "./mark.ts";
import { neededStrategy } from "./missing.ts";

/** The connection is given back and the last frame drawn. */
const GRACE_MS = 2_000;

/** `m2m --follow`: each mark as it is made, until it is stopped. */
export async function runFollow(deps: Deps, options: { strategy: string | undefined }): Promise<void> {
  const strategy = await neededStrategy(deps, options.strategy, "stratctl m2m condor --follow");
  const api = await deps.connect();
  const { strategy_id } = strategy;
  const teller = isDrawn(deps) ? await drawing(deps, strategy) : await writing(deps);
  const { signal } = deps;
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true });
  try {
    for await (const mark of api.strategies.m2m.stream({ strategy_id }, { signal, onGap: teller.gap })) teller.mark(mark);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    teller.end();
  }
}

interface Teller {
  readonly mark: (mark: Mark) => void;
  readonly gap: (gap: StreamGap) => void;
  readonly end: () => void;
}

function isDrawn({ screen, output, env }: Deps): boolean {
  return screen.isTerminal && output.format === "auto" && env["TERM"] !== "dumb";
}

/** A line a mark. */
async function writing({ screen, output }: Deps): Promise<Teller> {
  const { csv, json, tsv } = await import("../terminal/rows.ts");
  const print = openLasting(screen, ({ count, code }) => screen.note(`${count} marks could not be written (${code})\n`));
  const heading = csv([], MARK_FIELDS);
  if (output.format === "csv") print(heading);
  else if (output.format === "auto" && output.header) print(tsv([], MARK_FIELDS, { header: true }));
  return {
    mark(mark) {
      if (output.format === "json") print(json(mark));
      else if (output.format === "csv") print(csv([mark], MARK_FIELDS).slice(heading.length));
      else print(tsv([mark], MARK_FIELDS, { color: screen.color }));
    },
    gap: (gap) => screen.note(gapText(gap)),
    end: () => undefined,
  };
}

/** A day of samples: who looks for longer sees the last of them. */
const SERIES_MAX = 86_400;

async function drawing({ screen, now }: Deps, strategy: Strategy): Promise<Teller> {
  const [{ openFrame }, { liveView }] = await Promise.all([import("../terminal/frame.ts"), import("../views/live.ts")]);
  const frame = openFrame(screen);
  const series: (number | null)[] = [];
  let last: Mark | null = null;
  const show = (isOver: boolean): void => {
    const { width, height, color } = screen;
    frame.show(liveView({ strategy, mark: last, series }, { isOver }, { width, height, color, now_ms: now() }));
  };
  show(false);
  return {
    mark(mark) {
      series.push(mark.pnl);
      if (series.length > SERIES_MAX) series.shift();
      last = mark;
      show(false);
    },
    gap(gap) {
      series.push(null);
      frame.clear();
      screen.note(gapText(gap));
      show(false);
    },
    // What the terminal wrote of Ctrl-C goes with the frame before.
    end: () => show(true),
  };
}

function gapText({ from, to }: StreamGap): string {
  return `no marks are known between ${from} and ${to}\n`;
}
