import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { expect, test } from "vitest";
import { z } from "zod";
import { createMetrics } from "../../packages/engine/src/http/metrics.ts";
import type { Loop, LoopListener } from "../../packages/engine/src/loop.ts";

/** What Prometheus reads, what the page says of it, and what the alert rules ask for: the same names. */

const docs = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

const Rules = z.object({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z
        .array(
          z.strictObject({
            alert: z.string().regex(/^Stratctl[A-Za-z]+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+[sm]$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(["warning", "critical"]) }),
            annotations: z.strictObject({ summary: z.string(), what_to_do: z.string() }),
          }),
        )
        .min(1),
    }),
  ),
});

test("figures of the loop, by source and outcome", async () => {
  const lines = (await told()).split("\n");
  for (const line of [
    'stratctl_source_quotes_total{source="redis",outcome="hit"} 90',
    'stratctl_source_quotes_total{source="redis",outcome="stale"} 5',
    'stratctl_source_quotes_total{source="redis",outcome="miss"} 3',
    'stratctl_source_quotes_total{source="redis",outcome="refused"} 2',
    'stratctl_source_refused_total{source="redis",reason="placeholder"} 2',
    'stratctl_source_up{source="ticker"} 0',
    'stratctl_source_latency_seconds{source="redis"} 0.0015',
    "stratctl_spool_depth 40",
    "stratctl_leader 0",
    "stratctl_write_failing 1",
    "stratctl_strategies 12",
    "stratctl_unpriced_instruments 1",
    'stratctl_candles_total{outcome="torn"} 1',
  ])
    expect(lines).toContain(line);
  // Of a source that was not asked yet it is not known whether it answers.
  expect(lines.filter((line) => line.includes('source="pubsub"'))).toEqual([]);
});

test("every metric is on its page, and every one of the page is there", async () => {
  const there = [...(await told()).matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name);
  const written = [...docs("monitoring.md").matchAll(/^\| `((?:stratctl|strategy)_\w+)` /gm)].map(([, name = ""]) => name);
  expect(new Set(written)).toEqual(new Set(there));
});

test("alert rules ask for metrics that there are, and labels that they have", async () => {
  const text = await told();
  const rules = Rules.parse(parse(docs("alerts.yml"))).groups.flatMap((group) => group.rules);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, expr } of rules) {
    const asked = [...expr.matchAll(/\b((?:stratctl|strategy)_\w+)(?:\{([^}]*)\})?/g)];
    expect(asked.length + (expr.startsWith("up{") ? 1 : 0), alert).toBeGreaterThan(0);
    for (const [, name = "", labels = ""] of asked) {
      const series = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
      expect(series, `${alert}: ${name}`).not.toEqual([]);
      for (const [, label = "", values = ""] of labels.matchAll(/(\w+)=~?"([^"]*)"/g)) {
        if (label === "job") continue; // Prometheus adds it
        for (const value of values.split("|")) expect(series.join("\n"), `${alert}: ${label}`).toContain(`${label}="${value}"`);
      }
    }
  }
});

async function told(): Promise<string> {
  const { loop, listener } = madeUp();
  const metrics = createMetrics(loop);
  metrics.answered({ method: "GET", route: "/strategies", operation: "list", status: 200, ms: 3 });
  listener().pass(12);
  listener().write(40);
  return metrics.text();
}

function madeUp(): { loop: Loop; listener: () => LoopListener } {
  const held: { listener: LoopListener | null } = { listener: null };
  const refused = { not_a_price: 0, placeholder: 2, mock: 0, ahead: 0, jump: 0 };
  const source = (name: string, up: boolean | null) => ({ name, up, reason: null, since_ms: 0, quote_count: 0 });
  const standing = {
    is_turning: true,
    strategy_count: 12,
    lag_ms: 400,
    last_pass_at_ms: 1,
    last_sample_at_ms: null,
    marked_count: 7,
    unmarked_count: 2,
    unpriced: [{ instrument: "NFO:A", why: null, since_ms: 0, quotes: [] }],
    write_failure: "no route",
    role: "stand_by" as const,
    fence: null,
    led_since_ms: null,
    pass_count: 9,
    sample_count: 8,
    skipped_count: 1,
    candles: { carried: 1, written: 1, left_out: 0, dropped: 0, refused: 0, spooled: 40, torn: 1, aside: 0 },
    lost_count: 0,
    quotes: { accepted: 5, refused: 1, rounded: 0, late: 2 },
    sources: [source("redis", true), source("ticker", false), source("pubsub", null)],
    quotes_by_source: [{ name: "redis", hit: 90, stale: 5, miss: 3, refused, latency_ms: 1.5, latency_ms_max: 20 }],
    spool_depth: 40,
  };
  return {
    loop: { standing: () => standing, listen: (given) => (held.listener = given), feed: null },
    listener: () => {
      if (held.listener === null) throw new Error("nobody listens");
      return held.listener;
    },
  };
}
