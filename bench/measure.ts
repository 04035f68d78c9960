import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { setTimeout as timer } from "node:timers/promises";

/** Several runs of one thing. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly run_count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, run_count: values.length };
}

/** Run by run: a machine that is slow for a while is slow for both. */
export function ratios(values: readonly number[], yardstick: readonly number[]): number[] {
  return values.map((value, run) => value / (yardstick[run] ?? Number.NaN));
}

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** A line through points by least squares: what one more costs, what none costs, and how straight it is. */
export interface Fit {
  readonly slope: number;
  readonly intercept: number;
  /** 1: the points lie on the line. */
  readonly r2: number;
}

export function fitOf(points: readonly (readonly [x: number, y: number])[]): Fit {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x_mean = mean(points.map(([x]) => x));
  const y_mean = mean(points.map(([, y]) => y));
  const sum = (of: (x: number, y: number) => number): number => points.reduce((total, [x, y]) => total + of(x - x_mean, y - y_mean), 0);
  const slope = sum((x, y) => x * y) / sum((x) => x * x);
  const r2 = sum((x, y) => x * y) ** 2 / (sum((x) => x * x) * sum((_, y) => y * y));
  return { slope, intercept: y_mean - slope * x_mean, r2 };
}

export interface Held {
  /** The most processor time that this thread spent between two turns of its timers: what its own work holds up. */
  readonly work_ms_max: number;
  /** The longest between two turns by the clock, in which other processes may have had the processor. */
  readonly loop_ms_max: number;
  readonly gc_ms_max: number;
  readonly gc_ms: number;
  readonly gc_count: number;
}

/** Watches this process: garbage collections, and how long the event loop is held by whatever runs on it. */
export function watch(): { stop: () => Promise<Held> } {
  const pauses_ms: number[] = [];
  const observer = new PerformanceObserver((list) => pauses_ms.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ entryTypes: ["gc"] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let work_ms_max = 0;
  let before_ms = workedMs();
  const ticking = setInterval(() => {
    const now_ms = workedMs();
    work_ms_max = Math.max(work_ms_max, now_ms - before_ms);
    before_ms = now_ms;
  }, RESOLUTION_MS);
  return {
    async stop() {
      await timer(2 * RESOLUTION_MS); // what is under way is told afterwards
      clearInterval(ticking);
      delay.disable();
      observer.disconnect();
      return {
        work_ms_max,
        loop_ms_max: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
        gc_ms_max: Math.max(0, ...pauses_ms),
        gc_ms: pauses_ms.reduce((sum, pause_ms) => sum + pause_ms, 0),
        gc_count: pauses_ms.length,
      };
    },
  };
}

/** Processor time of this thread: collections that it waits for count, other processes do not. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The timer of the loop's monitor: its own wait is not a hold. */
const RESOLUTION_MS = 1;

/** Resident memory of this process in MB of 2^20 bytes, now and at its highest. */
export function resident(): { now_mb: number; max_mb: number } {
  return { now_mb: process.memoryUsage.rss() / MB, max_mb: process.resourceUsage().maxRSS / 1024 };
}

const MB = 1024 * 1024;
