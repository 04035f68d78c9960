import type { InstrumentRef, QuoteSource } from "@stratctl/sdk/internal";
import type { Settings } from "../settings.ts";
import { ANSWER_MS_MAX, fail, ok, warn, type Finding } from "./finding.ts";

/** Quoted through every session. */
const ASKED: InstrumentRef = { instrument: "NSE:NIFTY 50", exchange: "NSE", tradingsymbol: "NIFTY 50", instrument_token: 256_265 };

/** Each source of prices, asked for one. One that is away is a warning where another answers. */
export async function lookAtSources({
  redis_url,
  ticker_url,
  sources: given,
}: Pick<Settings, "redis_url" | "ticker_url" | "sources">): Promise<Finding[]> {
  const { openSources, sourceSettings } = await import("@stratctl/sdk/internal");
  const sources = openSources({ redis_url, ticker_url, sources: sourceSettings(given) });
  const findings = await Promise.all(sources.map(lookAtSource));
  // Nothing that is open keeps a doctor from its end.
  void Promise.allSettled(sources.map((source) => source.close()));
  if (!findings.some(({ state }) => state === "ok")) return findings;
  return findings.map((one) => (one.state === "fail" ? warn(one.what, `${one.told}; another source answers`, one.advice ?? "") : one));
}

async function lookAtSource(source: QuoteSource): Promise<Finding> {
  const { StratctlError } = await import("@stratctl/sdk");
  const told = { text: `answers, and has no price of ${ASKED.instrument}` };
  const began_ms = performance.now();
  try {
    const sink = {
      quote: () => (told.text = "answers"),
      refused: (_: number, why: string) => (told.text = `answers, and its price of ${ASKED.instrument} is none: ${why}`),
      absent: () => undefined,
    };
    await source.read([ASKED], sink, { deadline_ms: ANSWER_MS_MAX - 1_000 });
    return ok(source.name, `${told.text}, after ${Math.round(performance.now() - began_ms)} ms`);
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    const advice = `is it up, and is ${source.name === "ticker" ? "ticker_url" : "redis_url"} right? stratctl config show`;
    return fail(source.name, error.message.replace(`${source.name}: `, ""), { advice, code: "source_unavailable" });
  }
}
