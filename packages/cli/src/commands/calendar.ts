import type { Command } from "commander";
import type { Calendar } from "@stratctl/sdk";
import { calendarOf, readCalendarText } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { again, examples, type Act } from "./command.ts";

const FIELDS = ["exchange", "day", "weekday", "state", "open", "close", "minutes", "name", "expires", "is_known"] as const;

export function addCalendar(program: Command, act: Act): void {
  const calendar = program.command("calendar").description("sessions, holidays and expiries of the exchanges");

  calendar
    .command("show", { isDefault: true })
    .description("show a day of all exchanges, or a month of one")
    .argument("[when]", "2026-11, 2026-11-08, today or tomorrow; left out: this month")
    .option("--exchange <exchange>", "of this exchange; may be given again", again)
    .addHelpText(
      "after",
      `\nWhat is not known is marked: a weekday of a year without a list of holidays, a
session without its time. A file of your own goes over what stratctl knows:
stratctl config set calendar_file <file>, in docs/calendar.md.
${examples(
  ["stratctl calendar", "this month of NFO"],
  ["stratctl calendar 2026-11-24", "that day of all exchanges"],
  ["stratctl calendar 2026-11 --exchange MCX"],
)}`,
    )
    .action(act((deps, given) => runShow(deps, { when: given.argument(0), exchanges: given.list("exchange") ?? [] })));

  calendar
    .command("check")
    .description("check a calendar file: one line a fault, exit status 2 where there are any")
    .argument("<file>")
    .addHelpText("after", examples(["stratctl calendar check calendar.json"]))
    .action(act((deps, given) => runCheck(deps, { file: given.argument(0) ?? "" })));
}

export async function runShow(
  deps: Deps,
  { when, exchanges: asked }: { when: string | undefined; exchanges: readonly string[] },
): Promise<void> {
  const [{ almanac, dayOf, EXCHANGES, knownUntil, StratctlError }, { EXCHANGE_DEFAULT, isoOf, MINUTE_MS }] = await Promise.all([
    import("@stratctl/sdk"),
    import("@stratctl/sdk/internal"),
  ]);
  const calendar = await calendarOf(await deps.settings());
  const today = dayOf(calendar, deps.now());
  const range = await rangeOf(when ?? today.slice(0, 7), { calendar, now_ms: deps.now() });
  const isDay = range.from_day === range.to_day;
  const exchanges = asked.map((text) => {
    const known = EXCHANGES.find((exchange) => exchange === text.trim().toUpperCase());
    if (known !== undefined) return known;
    throw new StratctlError("input_invalid", `--exchange ${JSON.stringify(text)} is no exchange`, {
      hint: `exchanges are ${EXCHANGES.join(", ")}`,
    });
  });
  const shown = exchanges.length > 0 ? exchanges : isDay ? EXCHANGES : [EXCHANGE_DEFAULT];
  const months = shown.map((exchange) => almanac(calendar, exchange, range));
  const rows = months.flat().map(({ session, ...day }) => ({
    exchange: day.exchange,
    day: day.day,
    weekday: day.weekday,
    state: day.state,
    open: session === null ? null : isoOf(session.open_ms),
    close: session === null ? null : isoOf(session.close_ms),
    minutes: session === null ? null : (session.close_ms - session.open_ms) / MINUTE_MS,
    name: day.name,
    expires: day.expires,
    is_known: day.is_known,
  }));
  await deliver(deps, {
    data: rows,
    rows,
    fields: FIELDS,
    view: async (options) => {
      const { dayView, monthView } = await import("../views/calendar.ts");
      if (isDay) return dayView(months.flat(), options);
      const told = months.map((days, place) =>
        monthView(days, { today, known_until: knownUntil(calendar, shown[place] ?? "", range.from_day), options }),
      );
      return told.join("\n\n");
    },
  });
}

/** A day, or a month as its first and last day. */
async function rangeOf(
  text: string,
  { calendar, now_ms }: { calendar: Calendar; now_ms: number },
): Promise<{ from_day: string; to_day: string }> {
  const [{ StratctlError }, { DAY_MS }, { dayTyped }] = await Promise.all([
    import("@stratctl/sdk"),
    import("@stratctl/sdk/internal"),
    import("../terminal/typed.ts"),
  ]);
  const month = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  if (month !== null) {
    const last = new Date(Date.UTC(Number(month[1]), Number(month[2]), 0)).toISOString().slice(0, 10);
    return { from_day: `${text}-01`, to_day: last };
  }
  try {
    const day = text === "tomorrow" ? dayTyped("today", calendar, now_ms + DAY_MS) : dayTyped(text, calendar, now_ms);
    return { from_day: day, to_day: day };
  } catch {
    throw new StratctlError("input_invalid", `${JSON.stringify(text)} is neither a day nor a month`, {
      hint: "write it like 2026-11-08 or 2026-11",
    });
  }
}

export async function runCheck(deps: Deps, { file }: { file: string }): Promise<void> {
  const [{ calendarFaults, calendarFrom, dayOf, EXCHANGES, knownUntil, StratctlError }, text] = await Promise.all([
    import("@stratctl/sdk"),
    readCalendarText(file),
  ]);
  const faults = calendarFaults(text);
  if (faults.length > 0) {
    if (deps.output.format !== "json") for (const fault of faults) deps.screen.print(`${file}: ${fault}\n`);
    throw new StratctlError("input_invalid", `${file} has ${faults.length} ${faults.length === 1 ? "fault" : "faults"}`, {
      hint: "docs/calendar.md says what may be in it",
      details: { faults },
    });
  }
  const calendar = calendarFrom(text);
  const rows = EXCHANGES.map((exchange) => ({ exchange, known_until: knownUntil(calendar, exchange, dayOf(calendar, deps.now())) }));
  await deliver(deps, {
    data: rows,
    rows,
    fields: ["exchange", "known_until"],
    view: () =>
      [`${file} is good`, ...rows.map(({ exchange, known_until }) => ` ${exchange}  holidays ${untilText(known_until)}`)].join("\n"),
  });
}

function untilText(known_until: string | null): string {
  return known_until === null ? "of this year are not listed" : `are known until ${known_until}`;
}
