import type { Strategy } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import type { Ask } from "../terminal/prompt.ts";

/** An argument, asked for at a terminal where it was left out; elsewhere input_invalid says which is missing. */
export async function needed(
  deps: Deps,
  given: string | undefined,
  { name, usage, ask }: { name: string; usage: string; ask: (ask: Ask) => Promise<string> },
): Promise<string> {
  if (given !== undefined) return given;
  const somebody = await deps.ask();
  if (somebody !== null) return ask(somebody);
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", `missing ${name}`, { hint: `e.g. ${usage}` });
}

/** The strategy that an argument names, or that is chosen from a list at a terminal. */
export async function neededStrategy(deps: Deps, given: string | undefined, usage: string): Promise<Strategy> {
  const api = await deps.connect();
  if (given !== undefined) return api.strategies.resolve({ strategy: given }, { signal: deps.signal });
  const named = await needed(deps, given, {
    name: "strategy",
    usage,
    ask: async (ask) => {
      const strategies = await api.strategies.list({ status: "active" }, { signal: deps.signal });
      const { clean, counted } = await import("../terminal/format.ts");
      return ask.choose({
        message: "Strategy",
        choices: strategies.map(({ strategy_id, name, instrument_count }) => ({
          name: `${clean(name)}  (${counted(instrument_count, "leg")})`,
          value: String(strategy_id),
        })),
      });
    },
  });
  return api.strategies.resolve({ strategy: named }, { signal: deps.signal });
}
