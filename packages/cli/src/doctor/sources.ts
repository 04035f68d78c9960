import type { QuoteSource } from "@stratctl/sdk/internal";
import type { Settings } from "../settings.ts";
import { ANSWER_MS_MAX, fail, ok, warn, type Finding } from "./finding.ts";

/** What was found of a source, and whether it gave a price. */
interface Look {
  readonly finding: Finding;
  readonly has_price: boolean;
}

/**
 * Each source of prices, asked for one. One that is away is a warning where another gave a price, and fails where none did: that
 * one answers is no proof that it has any. Where nobody gave one, those that answer are warned of.
 */
export async function lookAtSources({
  redis_url,
  ticker_url,
  sources: given,
}: Pick<Settings, "redis_url" | "ticker_url" | "sources">): Promise<Finding[]> {
  const { openSources, sourceSettings } = await import("@stratctl/sdk/internal");
  const sources = openSources({ redis_url, ticker_url, sources: sourceSettings(given) });
  const looks = await Promise.all(sources.map(lookAtSource));
  // Nothing that is open keeps a doctor from its end.
  void Promise.allSettled(sources.map((source) => source.close()));
  const is_served = looks.some(({ has_price }) => has_price);
  return looks.map(({ finding: one }) => {
    if (one.state === "fail" && is_served) return warn(one.what, `${one.told}; another source has prices`, one.advice ?? "");
    return one.state === "ok" && !is_served
      ? warn(one.what, one.told, `no source has it: are prices written, and to where this looks?`)
      : one;
  });
}

async function lookAtSource(source: QuoteSource): Promise<Look> {
  const [{ StratctlError }, { NIFTY_50 }] = await Promise.all([import("@stratctl/sdk"), import("@stratctl/sdk/internal")]);
  const told = { text: `answers, and has no price of ${NIFTY_50.instrument}`, has_price: false };
  const began_ms = performance.now();
  try {
    const sink = {
      quote: () => Object.assign(told, { text: "answers", has_price: true }),
      refused: (_: number, why: string) => (told.text = `answers, and its price of ${NIFTY_50.instrument} is none: ${why}`),
      absent: () => undefined,
    };
    await source.read([NIFTY_50], sink, { deadline_ms: ANSWER_MS_MAX - 1_000 });
    const finding = ok(source.name, `${told.text}, after ${Math.round(performance.now() - began_ms)} ms`);
    return { finding, has_price: told.has_price };
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    const why = error.message.replace(`${source.name}: `, "");
    const url = source.name === "ticker" ? "ticker_url" : "redis_url";
    const advice = why.endsWith("credentials")
      ? `write the user and the password into ${url}: http://user:password@host`
      : `is it up, and is ${url} right? stratctl config show`;
    return { finding: fail(source.name, why, { advice, code: "source_unavailable" }), has_price: false };
  }
}
