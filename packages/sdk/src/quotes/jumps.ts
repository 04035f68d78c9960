/** A quote as it is judged. */
export interface Offered {
  readonly price_units: number;
  readonly at_ms: number;
  /** Whether its source told when it was traded. */
  readonly has_time: boolean;
  readonly source: string;
  readonly now_ms: number;
}

/**
 * Prices that are absurdly far from the last one, until a second quote says the same. The law: a quote more than
 * `percent_max` per cent off the price held waits; the next one within that band of it is taken if it is another quote:
 * of another source, of a later time or another price, or, where no times are told, of a later pass. A quote near the
 * price held that is no older than the one that waits sends it away.
 */
export class Jumps {
  readonly #percent_max: number;
  readonly #stale_ms_max: number;
  /** By instrument: a name outlives its place in a list. */
  readonly #waiting = new Map<string, Offered>();

  constructor({ percent_max, stale_ms_max }: { percent_max: number; stale_ms_max: number }) {
    this.#percent_max = percent_max;
    this.#stale_ms_max = stale_ms_max;
  }

  get waiting_count(): number {
    return this.#waiting.size;
  }

  /** Whether the quote has to wait, with `held_units` (NaN: none) as the price that it is off. */
  holdsBack(instrument: string, offered: Offered, held_units: number): boolean {
    const waiting = this.#waiting.get(instrument);
    if (!this.#isFar(offered.price_units, held_units)) {
      if (waiting !== undefined && this.#contradicts(offered, waiting)) this.#waiting.delete(instrument);
      return false;
    }
    if (waiting !== undefined && !this.#isFar(offered.price_units, waiting.price_units) && isAnother(offered, waiting)) {
      this.#waiting.delete(instrument);
      return false;
    }
    if (waiting === undefined || isAnother(offered, waiting)) this.#waiting.set(instrument, offered);
    return true;
  }

  /** How far off it is: `900 % off 12.5`. */
  textOf(price_units: number, held_units: number): string {
    return `${Number(percentOff(price_units, held_units).toPrecision(3))} % off the price held: waits for a second quote`;
  }

  /** Forgets what waits for instruments that are not among these. */
  keepOnly(instruments: readonly { readonly instrument: string }[]): void {
    if (this.#waiting.size === 0) return;
    const kept = new Set(instruments.map(({ instrument }) => instrument));
    for (const instrument of this.#waiting.keys()) if (!kept.has(instrument)) this.#waiting.delete(instrument);
  }

  #isFar(price_units: number, from_units: number): boolean {
    return percentOff(price_units, from_units) > this.#percent_max;
  }

  /** A price without a time that has stood for long says nothing of now. */
  #contradicts({ has_time, at_ms, now_ms }: Offered, waiting: Offered): boolean {
    return has_time ? at_ms >= waiting.at_ms : now_ms - at_ms <= this.#stale_ms_max;
  }
}

function percentOff(price_units: number, from_units: number): number {
  return (Math.abs(price_units - from_units) / from_units) * 100;
}

function isAnother(offered: Offered, before: Offered): boolean {
  if (offered.source !== before.source || offered.price_units !== before.price_units) return true;
  return offered.has_time ? offered.at_ms > before.at_ms : offered.now_ms > before.now_ms;
}
