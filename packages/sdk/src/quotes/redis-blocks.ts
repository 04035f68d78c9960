import type { Redis } from "ioredis";
import { setImmediate as nextTurn } from "node:timers/promises";
import { KnownValues } from "./known-values.ts";
import { encodedMget, firstKey, hasToken, openMget, secondKey, type Mget } from "./redis-mget.ts";
import type { InstrumentRef, QuoteSink } from "./source.ts";

/** Keys of one MGET: few enough that the server, which serves one command at a time, is not held for a millisecond. */
const MGET_KEYS = 1_000;
/**
 * MGETs under way at once: enough that the server is never idle, few enough that all of them, come between two looks at
 * the socket, hold the event loop for 30 ms at most: that is where each value is JSON that changed.
 */
const UNDER_WAY = 8;

/** Instruments that follow each other in a list, read by one MGET. */
interface Block {
  /** The place of the first. */
  readonly from: number;
  readonly first_keys: Buffer;
  /** The keys of tokens that were asked for last: those of the same instruments are asked for a second later. */
  second_keys: { readonly places: readonly number[]; readonly bytes: Buffer };
}

/**
 * The keys of a list of instruments, as the MGETs that are sent for them: encoded once a list, since encoding 100,000
 * keys costs as much as reading their values.
 */
export class RedisBlocks {
  readonly #instruments: readonly InstrumentRef[];
  readonly #blocks: readonly Block[];
  readonly #values: KnownValues;

  constructor(instruments: readonly InstrumentRef[], options: { allow_mock: boolean }) {
    this.#values = new KnownValues(options);
    this.#instruments = instruments;
    this.#blocks = Array.from({ length: Math.ceil(instruments.length / MGET_KEYS) }, (_, number) => {
      const from = number * MGET_KEYS;
      const keys = instruments.slice(from, from + MGET_KEYS).map(firstKey);
      return { from, first_keys: encodedMget(keys), second_keys: { places: [], bytes: encodedMget([]) } };
    });
  }

  /** Tells the sink what the keys hold. What other MGETs brought is told before one that failed rejects. */
  async read(client: Redis, sink: QuoteSink, end: AbortSignal): Promise<void> {
    const mget = await openMget();
    const tell = this.#values.into(sink);
    const queue = this.#blocks.values();
    const readSome = async (): Promise<void> => {
      for (const block of queue) {
        await this.#readBlock(block, { client, mget, tell, sink, end });
        await nextTurn();
        end.throwIfAborted();
      }
    };
    const lanes = Array.from({ length: UNDER_WAY }, readSome);
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  async #readBlock(
    block: Block,
    {
      client,
      mget,
      tell,
      sink,
      end,
    }: { client: Redis; mget: Mget; tell: ReturnType<KnownValues["into"]>; sink: QuoteSink; end: AbortSignal },
  ): Promise<void> {
    const first = await mget(client, block.first_keys);
    end.throwIfAborted();
    const left: number[] = [];
    const refused = new Set<number>();
    for (let offset = 0; offset < first.length; offset += 1) {
      const place = block.from + offset;
      const value = first[offset];
      const has_value = value instanceof Buffer;
      if (has_value && tell(place, value)) continue;
      if (has_value) refused.add(place);
      if (hasToken(this.#instruments[place])) left.push(place);
      else if (!has_value) sink.absent(place, "no key");
    }
    if (left.length === 0) return;
    const second = await mget(client, this.#secondKeys(block, left));
    end.throwIfAborted();
    for (const [offset, place] of left.entries()) {
      const value = second[offset];
      if (value instanceof Buffer) tell(place, value);
      else if (!refused.has(place)) sink.absent(place, "no key");
    }
  }

  #secondKeys(block: Block, places: readonly number[]): Buffer {
    const { places: before } = block.second_keys;
    if (before.length !== places.length || before.some((place, offset) => place !== places[offset]))
      block.second_keys = { places, bytes: encodedMget(places.map((place) => secondKey(this.#instruments[place]))) };
    return block.second_keys.bytes;
  }
}
