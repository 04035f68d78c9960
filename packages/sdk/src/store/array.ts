import { assert } from "../errors.ts";

/**
 * Columns as array parameters in Postgres' binary form. 14 columns of 100,000 are built in 15 ms so, in 180 ms as
 * text, and the loop that samples waits for it. NaN is NULL. `length` is how many places of the column count.
 */

/** For int4[]. */
export function int4Array(values: Int32Array, length: number): Buffer {
  const { buffer, view } = begun(OID.int4, values, length, 8);
  for (let place = 0, offset = HEAD; place < length; place += 1, offset += 8) {
    view.setInt32(offset, 4);
    view.setInt32(offset + 4, values[place] ?? 0);
  }
  return buffer;
}

/** For int8[]. Whole numbers only: a unit of money has no parts. */
export function int8Array(values: Float64Array, length: number): Buffer {
  return wholes(OID.int8, values, length, 0, 1);
}

/** For timestamptz[], of milliseconds since the epoch. */
export function instantArray(values_ms: Float64Array, length: number): Buffer {
  return wholes(OID.timestamptz, values_ms, length, POSTGRES_EPOCH_MS, 1000);
}

/** For text[]. */
export function textArray(values: readonly (string | null)[], length: number): Buffer {
  let bytes = 0;
  for (let place = 0; place < length; place += 1) bytes += Buffer.byteLength(values[place] ?? "");
  const { buffer, view } = begun(OID.text, values, length, 4, bytes);
  let offset = HEAD;
  for (let place = 0; place < length; place += 1) {
    const value = values[place] ?? null;
    const written = value === null ? 0 : buffer.write(value, offset + 4);
    if (value === null) view.setInt32(4, 1);
    view.setInt32(offset, value === null ? -1 : written);
    offset += 4 + written;
  }
  return buffer;
}

/** For int8[]. */
export function bitsArray(values: BigInt64Array, length: number): Buffer {
  const { buffer, view } = begun(OID.int8, values, length, 12);
  for (let place = 0, offset = HEAD; place < length; place += 1, offset += 12) {
    view.setInt32(offset, 8);
    view.setBigInt64(offset + 4, values[place] ?? 0n);
  }
  return buffer;
}

const OID = { int8: 20, int4: 23, text: 25, timestamptz: 1184 } as const;

interface Begun {
  readonly buffer: Buffer;
  readonly view: DataView;
}

/** Dimensions, whether there are NULLs, the type; length and lower bound of the one dimension. */
const HEAD = 20;

/** timestamptz counts microseconds from here. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

const TWO_32 = 2 ** 32;

function wholes(oid: number, values: Float64Array, length: number, origin: number, scale: number): Buffer {
  const { buffer, view } = begun(oid, values, length, 12);
  let offset = HEAD;
  for (let place = 0; place < length; place += 1) {
    const given = values[place] ?? Number.NaN;
    if (Number.isNaN(given)) {
      view.setInt32(offset, -1);
      offset += 4;
      continue;
    }
    const value = (given - origin) * scale;
    assert(Number.isSafeInteger(value), `${given} at place ${place} of a batch is not a whole number that a number holds exactly`);
    const high = Math.floor(value / TWO_32);
    view.setInt32(offset, 8);
    view.setInt32(offset + 4, high);
    view.setUint32(offset + 8, value - high * TWO_32);
    offset += 12;
  }
  view.setInt32(4, offset < buffer.length ? 1 : 0);
  return buffer.subarray(0, offset);
}

function begun(oid: number, values: { readonly length: number }, length: number, width: number, more = 0): Begun {
  assert(length <= values.length, `a batch of ${length} has a column of ${values.length}`);
  const buffer = Buffer.allocUnsafe(HEAD + width * length + more);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  view.setInt32(0, 1);
  view.setInt32(4, 0);
  view.setInt32(8, oid);
  view.setInt32(12, length);
  view.setInt32(16, 1);
  return { buffer, view };
}
