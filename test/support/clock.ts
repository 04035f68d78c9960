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
