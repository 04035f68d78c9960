import type { Status } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { ageText, clean, counted, displayWidth, grouped, joined, paint, type Tone } from "../terminal/format.ts";
import { dayText, minuteText, whenText, ZONE } from "../terminal/moment.ts";

/** A person reads so many of a list; the rest is counted. */
const SHOWN_MAX = 5;
const LABEL = 10;

interface Line {
  readonly text: string;
  readonly tone?: Tone;
}

/** How the marking of an account stands: a part a question, and of what is well one line. */
export function statusView(status: Status, options: ViewOptions): string {
  const now_ms = Date.parse(status.at);
  const sections: readonly (readonly [label: string, lines: readonly Line[]])[] = [
    ["engine", engineLines(status, now_ms)],
    ["sources", sourceLines(status)],
    ["sessions", sessionLines(status, now_ms)],
    ["minutes", coverageLines(status, now_ms)],
    ["gaps", gapLines(status)],
    [
      "no mark",
      listed(
        status.unmarked,
        ({ strategy_id, name, at, reason }) => `${clean(name)} (${strategy_id}): ${clean(reason)}, at ${whenText(Date.parse(at), now_ms)}`,
      ),
    ],
    ["not well", listed(degradedOf(status), clean)],
    ["warnings", listed(status.warnings, clean)],
  ];
  return [
    paint(`${clean(status.account_id)} · ${dayText(now_ms)} ${minuteText(now_ms)} ${ZONE}`, "strong", options.color),
    "",
    ...sections.flatMap(([label, lines]) => sectionOf(label, lines, options)),
  ].join("\n");
}

function engineLines({ engines }: Status, now_ms: number): Line[] {
  if (engines.length === 0) return [{ text: "none yet: nothing is marked; start one: stratctl daemon", tone: "warning" }];
  return engines.flatMap(({ shard, of, holder, fence, is_leading, since, seen_at, standing }) => {
    const part = of === 1 ? "" : `shard ${shard}/${of}: `;
    if (!is_leading) {
      const last = seen_at === null ? "it left" : `last seen ${whenText(Date.parse(seen_at), now_ms)}`;
      return [{ text: `${part}nobody leads · ${clean(holder)} did, ${last} · stratctl daemon`, tone: "warning" as const }];
    }
    const head: Line = { text: `${part}${clean(holder)} leads since ${whenText(Date.parse(since), now_ms)} · fence ${fence}` };
    return standing === null ? [head, { text: "it has told nothing of itself yet" }] : [head, ...standingLines(standing, now_ms)];
  });
}

function standingLines(standing: NonNullable<Status["engines"][number]["standing"]>, now_ms: number): Line[] {
  const { last_sample_at, sample_count, skipped_count, strategy_count, waiting_count, spool_depth } = standing;
  const age_ms = last_sample_at === null ? null : now_ms - Date.parse(last_sample_at);
  const last =
    last_sample_at === null ? "no sample yet" : `last sample ${whenText(Date.parse(last_sample_at), now_ms)} (${ageText(age_ms)} ago)`;
  const strategies = strategy_count === 1 ? "1 strategy" : `${grouped(String(strategy_count))} strategies`;
  const waits = [
    ...(waiting_count === 0 ? [] : [`${counted(waiting_count, "candle")} wait in memory`]),
    ...(spool_depth === 0 ? [] : [`${counted(spool_depth, "candle")} wait on disk`]),
  ];
  return [
    { text: `${last} · ${counted(sample_count, "sample")}, ${grouped(String(skipped_count))} skipped · ${strategies}` },
    ...(waits.length === 0 ? [] : [{ text: waits.join(" · "), tone: "warning" as const }]),
  ];
}

/** Of each source once, however many engines ask it; one that is away for any of them is told so. */
function sourceLines({ engines }: Status): Line[] {
  const sources = engines.flatMap(({ is_leading, standing }) => (is_leading ? (standing?.sources ?? []) : []));
  const names = [...new Set(sources.map(({ name }) => name))];
  return names.map((name) => {
    const own = sources.filter((source) => source.name === name);
    const away = own.find(({ up }) => up === false);
    if (away === undefined) return { text: `${clean(name)} ${own.some(({ up }) => up === true) ? "answers" : "was not asked yet"}` };
    return { text: `${clean(name)} is away${away.reason === null ? "" : ` (${clean(away.reason)})`}`, tone: "warning" };
  });
}

function sessionLines({ sessions }: Status, now_ms: number): Line[] {
  return sessions.map(({ exchange, is_open, opens_at, closes_at }) => {
    if (opens_at === null || closes_at === null) return { text: `${exchange} has no session within weeks`, tone: "warning" };
    if (is_open) return { text: `${exchange} is open until ${minuteText(Date.parse(closes_at))}` };
    return { text: `${exchange} is closed, opens ${whenText(Date.parse(opens_at), now_ms)}` };
  });
}

function coverageLines({ coverage: { day, due_minutes, candle_minutes } }: Status, now_ms: number): Line[] {
  if (day === null || due_minutes === 0) return [{ text: "none was due" }];
  const of_day = dayText(day) === dayText(now_ms) ? "today" : `on ${dayText(day)}`;
  const text = `${grouped(String(candle_minutes))} of ${grouped(String(due_minutes))} that were due ${of_day} have a candle`;
  return [candle_minutes === due_minutes ? { text } : { text, tone: "warning" }];
}

function gapLines({ gaps, coverage: { day } }: Status): Line[] {
  const lines = listed(gaps, ({ strategy_id, name, minutes }) => `${clean(name)} (${strategy_id}): ${counted(minutes, "minute")}`);
  return lines.length === 0 ? [] : [...lines, { text: `why: stratctl gaps${day === null ? "" : ` --day ${day}`}` }];
}

function degradedOf({ engines }: Status): string[] {
  return [...new Set(engines.flatMap(({ is_leading, standing }) => (is_leading ? (standing?.degraded ?? []) : [])))];
}

function listed<Item>(items: readonly Item[], textOf: (item: Item) => string): Line[] {
  const lines = items.slice(0, SHOWN_MAX).map((item): Line => ({ text: textOf(item), tone: "warning" }));
  const left = items.length - SHOWN_MAX;
  return left > 0 ? [...lines, { text: `and ${grouped(String(left))} more: --json has them` }] : lines;
}

function sectionOf(label: string, lines: readonly Line[], { width, color }: ViewOptions): string[] {
  const texts = lines.flatMap(({ text, tone }) => wrapped(text, width - LABEL - 1).map((part) => paint(part, tone, color)));
  return texts.map((text, place) => ` ${paint((place === 0 ? label : "").padEnd(LABEL), "faint", color)}${text}`);
}

/** Broken between parts, and those between words; a word alone too long is left long. */
function wrapped(text: string, width: number): string[] {
  return joined(text.split(" · "), width)
    .split("\n")
    .flatMap((line) => {
      const lines: string[] = [];
      for (const word of line.split(" ")) {
        const longer = `${lines.at(-1) ?? ""} ${word}`;
        if (lines.length > 0 && displayWidth(longer) <= width) lines[lines.length - 1] = longer;
        else lines.push(word);
      }
      return lines;
    });
}
