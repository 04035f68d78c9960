import { quickUnitsOfBytes } from "../model/money.ts";
import { PLACEHOLDER_FROM_UNITS } from "./placeholder.ts";
import { tellText } from "./price.ts";
import type { QuoteSink } from "./source.ts";

/** A last price with its time is 60 to 120 bytes; what is longer than this is read anew each time. */
const VALUE_BYTES_MAX = 256;
/** Places whose values share a piece of memory, taken when the first of them is needed: 256 KiB. */
const PAGE_PLACES = 1_024;

/** What the values of a page last were, and what they were read as. */
interface Page {
  readonly bytes: Buffer;
  /** Of each value; 0 where none is known. */
  readonly length: Uint16Array;
  readonly price_units: Float64Array;
  /** NaN where the value has no time. */
  readonly at_ms: Float64Array;
  readonly rounded: Uint8Array;
}

/**
 * Values of a list of instruments, told to a sink as `tellText` tells them. A plain number is read as fast as it could be
 * compared; of any other value that was a price (JSON) the bytes are kept, and while they stay the same it is not parsed
 * again. At most 280 bytes an instrument, and none as long as its values are plain numbers.
 */
export class KnownValues {
  readonly #allow_mock: boolean;
  readonly #pages: (Page | undefined)[] = [];

  /** `allow_mock`: whether what calls itself made up is a price. */
  constructor({ allow_mock }: { allow_mock: boolean } = { allow_mock: false }) {
    this.#allow_mock = allow_mock;
  }

  /** Tells `sink` what a value says, by the place of its instrument in the list. True where it was a price. */
  into(sink: QuoteSink): (place: number, value: Buffer) => boolean {
    let read: Buffer = Buffer.alloc(0);
    const learning: QuoteSink = {
      quote: (place, price_units, at_ms, rounded = false) => {
        this.#keep(place, read, { price_units, at_ms, rounded });
        sink.quote(place, price_units, at_ms, rounded);
      },
      refused: (place, why, reason) => sink.refused(place, why, reason),
      absent: (place, why) => sink.absent(place, why),
    };
    return (place, value) => {
      const price_units = quickUnitsOfBytes(value);
      if (price_units > 0 && price_units < PLACEHOLDER_FROM_UNITS) {
        sink.quote(place, price_units, null, false);
        return true;
      }
      if (this.#tellKnown(place, value, sink)) return true;
      read = value;
      return tellText(learning, place, value.toString(), this.#allow_mock);
    };
  }

  #tellKnown(place: number, value: Buffer, sink: QuoteSink): boolean {
    const page = this.#pages[Math.floor(place / PAGE_PLACES)];
    const slot = place % PAGE_PLACES;
    if (page === undefined || value.length === 0 || page.length[slot] !== value.length) return false;
    const from = slot * VALUE_BYTES_MAX;
    if (value.compare(page.bytes, from, from + value.length) !== 0) return false;
    const at_ms = page.at_ms[slot] ?? Number.NaN;
    sink.quote(place, page.price_units[slot] ?? Number.NaN, Number.isNaN(at_ms) ? null : at_ms, page.rounded[slot] === 1);
    return true;
  }

  #keep(
    place: number,
    value: Buffer,
    { price_units, at_ms, rounded }: { price_units: number; at_ms: number | null; rounded: boolean },
  ): void {
    if (value.length > VALUE_BYTES_MAX) return;
    const page = (this.#pages[Math.floor(place / PAGE_PLACES)] ??= emptyPage());
    const slot = place % PAGE_PLACES;
    value.copy(page.bytes, slot * VALUE_BYTES_MAX);
    page.length[slot] = value.length;
    page.price_units[slot] = price_units;
    page.at_ms[slot] = at_ms ?? Number.NaN;
    page.rounded[slot] = rounded ? 1 : 0;
  }
}

function emptyPage(): Page {
  return {
    bytes: Buffer.alloc(PAGE_PLACES * VALUE_BYTES_MAX),
    length: new Uint16Array(PAGE_PLACES),
    price_units: new Float64Array(PAGE_PLACES),
    at_ms: new Float64Array(PAGE_PLACES),
    rounded: new Uint8Array(PAGE_PLACES),
  };
}
