import { readFileSync } from "node:fs";
import { setTimeout as timer } from "node:timers/promises";
import type { Clock } from "../../packages/engine/src/clock.ts";

/** A clock that stands until somebody sleeps or a test moves it. */
export class TestClock implements Clock {
  #now_ms: number;
  #monotonic_ms = 1000;
  /** How long past its time each sleep wakes; negative: early. */
  wakes_late_ms: (ms: number) => number = () => 0;
  /** Called at the start of each sleep: the place for a diary's entries. */
  onSleep: (now_ms: number) => void = () => undefined;

  constructor(now: string | number) {
    this.#now_ms = typeof now === "number" ? now : Date.parse(now);
  }

  now(): number {
    return this.#now_ms;
  }

  monotonic(): number {
    return this.#monotonic_ms;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.onSleep(this.#now_ms);
    await new Promise((resolve) => setImmediate(resolve)); // as a timer does: what waits for I/O gets its turn
    if (!signal.aborted) this.pass(Math.max(0, ms + this.wakes_late_ms(ms)));
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.#now_ms += ms;
    this.#monotonic_ms += ms;
  }

  /** Somebody sets the wall clock; no time goes by. */
  set(now: string | number): void {
    this.#now_ms = typeof now === "number" ? now : Date.parse(now);
  }
}

/** A clock that stands until a test moves it; who sleeps wakes when his time has come. */
export class HandClock implements Clock {
  #now_ms: number;
  #monotonic_ms = 1000;
  #sleepers: { until_ms: number; wake: () => void }[] = [];

  constructor(now: string | number) {
    this.#now_ms = typeof now === "number" ? now : Date.parse(now);
  }

  now(): number {
    return this.#now_ms;
  }

  monotonic(): number {
    return this.#monotonic_ms;
  }

  /** How long each who sleeps has still to sleep. */
  get waits_ms(): number[] {
    return this.#sleepers.map(({ until_ms }) => until_ms - this.#monotonic_ms);
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const leave = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal.removeEventListener("abort", leave); // a signal may outlive a session's sleeps
        resolve();
      };
      const sleeper = { until_ms: this.#monotonic_ms + ms, wake: leave };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.#now_ms += ms;
    this.#monotonic_ms += ms;
    const due = this.#sleepers.filter(({ until_ms }) => until_ms <= this.#monotonic_ms);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const { wake } of due) wake();
  }

  /** Somebody sets the wall clock; no time goes by. */
  set(now: string | number): void {
    this.#now_ms = typeof now === "number" ? now : Date.parse(now);
  }
}

/** A clock that a test in another process moves: it shows the milliseconds that stand in a file, and only ever goes on. */
export class FileClock implements Clock {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  now(): number {
    return Number(readFileSync(this.#path, "utf8"));
  }

  monotonic(): number {
    return this.now();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const until_ms = this.now() + ms;
    while (!signal.aborted && this.now() < until_ms) await timer(1);
  }
}
