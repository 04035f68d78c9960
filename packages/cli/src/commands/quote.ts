import type { Command } from "commander";
import type { Quote } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";

const FIELDS = ["instrument", "price", "at", "age_ms", "source", "reason"] as const satisfies (keyof Quote)[];

export function addQuote(program: Command, act: Act): void {
  program
    .command("quote")
    .description("the last traded price of instruments, asked of Redis and the ticker service now")
    .argument("<instrument...>", "like NFO:NIFTY25N0424500CE; a bare F&O symbol gets its exchange")
    .addHelpText(
      "after",
      examples(
        ["stratctl quote NFO:NIFTY25N0424500CE"],
        ['stratctl quote "NSE:NIFTY 50" NIFTY25NOVFUT', "an index has a blank in its name"],
      ),
    )
    .action(act((deps, given) => runQuote(deps, { instruments: given.all })));
}

export async function runQuote(deps: Deps, { instruments }: { instruments: readonly string[] }): Promise<void> {
  const api = await deps.connect();
  const quotes = await api.quotes.get({ i: [...instruments] }, { signal: deps.signal });
  const { quoteList } = await import("../views/quotes.ts");
  await deliver(deps, { data: quotes, rows: quotes, fields: FIELDS, view: (options) => quoteList(quotes, options) });
  if (quotes.some(({ price }) => price !== null)) return;
  // The reasons are in the answer; a script hears of them by the exit status.
  const { StratctlError } = await import("@stratctl/sdk");
  const [first] = quotes;
  const which = quotes.length === 1 ? `no price for ${first?.instrument}` : `none of the ${quotes.length} instruments has a price`;
  throw new StratctlError("quote_missing", which);
}
