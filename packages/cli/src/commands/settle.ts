import type { Command } from "commander";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { again, examples, type Act } from "./command.ts";
import { LEG_FIELDS } from "./leg.ts";

export function addSettle(program: Command, act: Act): void {
  program
    .command("settle")
    .description("settle contracts that have expired, at the exchange's closing figures")
    .option("--close <figure>", "an underlying's, like NIFTY=24500.25; may be given again", again)
    .option("--file <file>", "figures as CSV: underlying,close, or underlying,day,close")
    .option("--day <day>", "the day that the figures are of; left out: the last expiry")
    .option("--correct", "a figure that legs were settled by was wrong: settle them anew")
    .addHelpText(
      "after",
      `\nA figure is taken once its day's session has ended, and used for that day from
then on. Another one replaces it while no leg was settled by it; afterwards it
is told and changes nothing, unless --correct is given. Nothing is settled at a
last price.
${examples(
  ["stratctl settle --close NIFTY=24500.25"],
  ["stratctl settle --file closes.csv --day 2026-11-17"],
  ["stratctl settle --close NIFTY=24500.35 --day 2026-11-17 --correct"],
)}`,
    )
    .action(
      act((deps, given) =>
        runSettle(deps, {
          closes: given.list("close") ?? [],
          file: given.text("file"),
          day: given.text("day"),
          correct: given.isSet("correct"),
        }),
      ),
    );
}

export interface SettleOptions {
  readonly closes: readonly string[];
  readonly file: string | undefined;
  readonly day: string | undefined;
  readonly correct: boolean;
}

export async function runSettle(deps: Deps, options: SettleOptions): Promise<void> {
  const [{ dayTyped, priceOf }, { builtinCalendar, StratctlError }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
  ]);
  const day = options.day === undefined ? undefined : dayTyped(options.day, builtinCalendar(), deps.now());
  const figures = options.closes.map((text) => {
    const [, underlying = "", price = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (underlying === "")
      throw new StratctlError("input_invalid", `--close ${JSON.stringify(text)} is no figure`, { hint: "write it like NIFTY=24500.25" });
    return { underlying: underlying.trim().toUpperCase(), day, close: priceOf(price, { name: `--close ${underlying}` }) };
  });
  const { figuresOf, refuseTwice, settledView, unsettledLines } = await import("../views/settled.ts");
  const all = [...figures, ...(options.file === undefined ? [] : await figuresOf(options.file, day))];
  refuseTwice(all);
  const api = await deps.connect();
  // Figures of one day go together; without any, what is known settles.
  const groups = [...Map.groupBy(all, (figure) => figure.day)];
  const answers = [];
  for (const [of_day, some] of groups.length === 0 ? [[day, []] as const] : groups)
    answers.push(
      await api.settle(
        { closes: Object.fromEntries(some.map(({ underlying, close }) => [underlying, close])), day: of_day, correct: options.correct },
        { signal: deps.signal },
      ),
    );
  const settled = answers.flatMap((answer) => answer.settled);
  const last = answers.at(-1);
  const data = {
    settled,
    open: last?.open ?? [],
    replaced: answers.flatMap(({ replaced }) => replaced),
    differing: answers.flatMap(({ differing }) => differing),
  };
  await deliver(deps, { data, rows: settled, fields: LEG_FIELDS, view: (view) => settledView(data, view) });
  // Rows are of legs that were settled; JSON and the view have the others.
  if (deps.output.format === "csv" || (deps.output.format === "auto" && !deps.screen.isTerminal))
    deps.screen.note(
      unsettledLines(data)
        .map((line) => `${line}\n`)
        .join(""),
    );
}
