import type { Redis } from "ioredis";
import { assert } from "../errors.ts";
import type { InstrumentRef } from "./source.ts";

/** Sends an MGET that is encoded already. Its values as they came: a Buffer, or nil, which a key of another type is to it as well. */
export type Mget = (client: Redis, bytes: Buffer) => Promise<readonly unknown[]>;

export async function openMget(): Promise<Mget> {
  const { Command } = await import("ioredis");
  return async (client, bytes) => {
    inOneWrite(client);
    const command = new Command("mget");
    command.toWritable = () => bytes;
    client.sendCommand(command);
    const reply: unknown = await command.promise;
    assert(Array.isArray(reply), "redis: MGET answers with something else than a list");
    return reply;
  };
}

/** What is sent until this turn's microtasks have run leaves as one write: for short commands the writes cost the most. */
function inOneWrite({ stream }: Redis): void {
  // There is none before the client is connected.
  if (stream?.writableCorked !== 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** MGET as Redis takes it (RESP). */
export function encodedMget(keys: readonly string[]): Buffer {
  const bulk = ["MGET", ...keys].map((text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`);
  return Buffer.from(`*${bulk.length}\r\n${bulk.join("")}`);
}

export function firstKey({ exchange, tradingsymbol }: InstrumentRef): string {
  return `ltp:${exchange}:${tradingsymbol}`;
}

/** The key that is asked for where the first has no price, if `hasToken`. */
export function secondKey(instrument: InstrumentRef | undefined): string {
  return `ticker:${instrument?.instrument_token ?? ""}:ltp`;
}

export function hasToken(instrument: InstrumentRef | undefined): boolean {
  return (instrument?.instrument_token ?? null) !== null;
}
