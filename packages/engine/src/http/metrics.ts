import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { Loop } from "../loop.ts";

export interface Answered {
  readonly method: string;
  /** As the contract writes it, never the path that was asked for: ids would make a series each. */
  readonly route: string;
  /** What it does to strategies: `create`; null where it is about something else. */
  readonly operation: string | null;
  readonly status: number;
  readonly ms: number;
}

export interface Metrics {
  readonly answered: (answer: Answered) => void;
  /** The text that Prometheus reads. */
  readonly text: () => Promise<string>;
  readonly content_type: string;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Figures of the server and, where there is one, of the loop beside it; no name and no id of an account or a strategy. Three go by the
 * names of the system that stratctl replaces, since they count the same: strategy_operations_total, strategy_m2m_calculations_total
 * (by whether a strategy was marked) and strategy_m2m_calculation_duration_seconds.
 */
export function createMetrics(loop: Loop | null): Metrics {
  const registers = [new Registry()];
  const [registry] = registers;
  const requests = new Counter({
    name: "stratctl_http_requests_total",
    help: "Requests answered, by route and status",
    labelNames: ["method", "route", "status"] as const,
    registers,
  });
  const request_seconds = new Histogram({
    name: "stratctl_http_request_duration_seconds",
    help: "Time from a request's headers to the end of its answer, streams left out",
    labelNames: ["route"] as const,
    buckets: SECONDS,
    registers,
  });
  const operations = new Counter({
    name: "strategy_operations_total",
    help: "Calls about strategies, by what they do and whether they succeeded",
    labelNames: ["operation", "status"] as const,
    registers,
  });
  if (loop !== null) addLoop(loop, registers);
  return {
    answered: ({ method, route, operation, status, ms }) => {
      requests.inc({ method, route, status: String(status) });
      if (operation !== null) operations.inc({ operation, status: status < 400 ? "success" : "error" });
      if (!route.endsWith("/stream")) request_seconds.observe({ route }, ms / 1000);
    },
    text: async () => (await registry?.metrics()) ?? "",
    content_type: registry?.contentType ?? "text/plain",
  };
}

function addLoop(loop: Loop, registers: Registry[]): void {
  const seconds = (name: string, help: string): Histogram => new Histogram({ name, help, buckets: SECONDS, registers });
  const passes = seconds("strategy_m2m_calculation_duration_seconds", "Time of one sample over all strategies");
  const writes = seconds("stratctl_write_duration_seconds", "Time of one write of candles, marks and prices");
  loop.listen({ pass: (ms) => passes.observe(ms / 1000), write: (ms) => writes.observe(ms / 1000) });

  const total = (name: string, help: string, of: () => number): unknown =>
    counts({ name, help, labels: [] }, () => [[{}, of()]], registers);
  const totals = (name: string, help: string, label: string, of: () => Readonly<Record<string, number>>): unknown =>
    counts({ name, help, labels: [label] }, () => Object.entries(of()).map(([value, count]) => [{ [label]: value }, count]), registers);
  total("stratctl_samples_total", "Samples taken within sessions", () => loop.standing().sample_count);
  total("stratctl_samples_skipped_total", "Samples that the process came to late and left out", () => loop.standing().skipped_count);
  totals("strategy_m2m_calculations_total", "Strategies in session at each sample: marked, or without a price of a leg", "status", () => {
    const { marked_count, unmarked_count } = loop.standing();
    return { success: marked_count, error: unmarked_count };
  });
  totals("stratctl_marks_total", "Strategies in session at each sample, by whether they got a Mark", "outcome", () => {
    const { marked_count, unmarked_count } = loop.standing();
    return { marked: marked_count, unmarked: unmarked_count };
  });
  totals("stratctl_candles_total", "Candles of finished minutes, by what became of them", "outcome", () => ({
    ...loop.standing().candles,
  }));
  totals("stratctl_quotes_total", "Quotes told by the sources, by what became of them", "outcome", () => ({ ...loop.standing().quotes }));
  counts(
    {
      name: "stratctl_source_quotes_total",
      help: "What came of asking a source for an instrument: a price of now (hit), an old one, none, or a refused value",
      labels: ["source", "outcome"],
    },
    () =>
      loop.standing().quotes_by_source.flatMap(({ name: source, hit, stale, miss, refused }) => {
        const sum = Object.values(refused).reduce((count, one) => count + one, 0);
        return Object.entries({ hit, stale, miss, refused: sum }).map(([outcome, count]): Count => [{ source, outcome }, count]);
      }),
    registers,
  );
  counts(
    { name: "stratctl_source_refused_total", help: "Values of a source that were refused as prices, by why", labels: ["source", "reason"] },
    () =>
      loop
        .standing()
        .quotes_by_source.flatMap(({ name: source, refused }) =>
          Object.entries(refused).map(([reason, count]): Count => [{ source, reason }, count]),
        ),
    registers,
  );

  const gauge = (name: string, help: string, of: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(of());
      },
    });
  gauge("stratctl_candles_waiting", "Candles of finished minutes that wait in memory for the database", () => loop.standing().lost_count);
  gauge("stratctl_spool_depth", "Candles of finished minutes that wait on disk for the database", () => loop.standing().spool_depth);
  gauge("stratctl_write_failing", "1 where the last write failed", () => (loop.standing().write_failure === null ? 0 : 1));
  gauge("stratctl_leader", "1 where this engine's marks are written, 0 where it stands by", () =>
    loop.standing().role === "leader" ? 1 : 0,
  );
  gauge("stratctl_strategies", "Active strategies with legs that it marks", () => loop.standing().strategy_count);
  gauge("stratctl_unpriced_instruments", "Instruments without a price that keep strategies from being marked, 100 at most", () => {
    return loop.standing().unpriced.length;
  });
  gauge("stratctl_loop_lag_seconds", "How long ago the loop made its last pass", () => loop.standing().lag_ms / 1000);
  gauge("stratctl_last_sample_timestamp_seconds", "The instant of the last sample; NaN before the first", () => {
    const { last_sample_at_ms } = loop.standing();
    return last_sample_at_ms === null ? Number.NaN : last_sample_at_ms / 1000;
  });
  ofSources({ name: "stratctl_source_up", help: "Whether a source of prices answers" }, registers, () =>
    loop.standing().sources.map(({ name, up }) => [name, up === null ? null : Number(up)]),
  );
  ofSources({ name: "stratctl_source_latency_seconds", help: "Time of a source's last read" }, registers, () =>
    loop.standing().quotes_by_source.map(({ name, latency_ms }) => [name, latency_ms === null ? null : latency_ms / 1000]),
  );
}

/** A figure of each source that has one. */
function ofSources(
  { name, help }: { name: string; help: string },
  registers: Registry[],
  of: () => readonly (readonly [source: string, figure: number | null])[],
): Gauge<"source"> {
  return new Gauge({
    name,
    help,
    labelNames: ["source"] as const,
    registers,
    collect() {
      for (const [source, figure] of of()) if (figure !== null) this.set({ source }, figure);
    },
  });
}

type Count = readonly [labels: Readonly<Record<string, string>>, count: number];

/** A counter whose figures somebody else keeps: read when it is asked for. */
function counts(
  { name, help, labels }: { name: string; help: string; labels: readonly string[] },
  of: () => readonly Count[],
  registers: Registry[],
): Counter<string> {
  return new Counter({
    name,
    help,
    labelNames: labels,
    registers,
    collect() {
      this.reset();
      for (const [values, count] of of()) this.inc({ ...values }, count);
    },
  });
}
