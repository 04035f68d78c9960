import type { Redis } from "ioredis";
import { HeldQuotes } from "./pubsub-held.ts";
import { RedisLink, SILENT_MS_MAX } from "./redis-link.ts";
import { checkedTarget, type RedisTarget } from "./redis-target.ts";
import { systemClock, type InstrumentRef, type QuoteSink, type QuoteSource, type ReadOptions, type SourceClock } from "./source.ts";
import { untilAborted } from "./until-aborted.ts";
import { unavailable } from "./unavailable.ts";

export interface PubsubOptions extends RedisTarget {
  /** `ticker:nifty:options`, `ticker:nifty:underlying`. */
  readonly channels: readonly string[];
  /** Whether a quote that calls itself made up is a price; false. */
  readonly allow_mock?: boolean | undefined;
  readonly clock?: SourceClock | undefined;
}

/**
 * Prices that are published on channels of Redis: listens from its first read on, and is asked for what it heard as any
 * source is. A subscription that was cut, or that nothing comes through any more, is made anew; until then it says so and
 * tells nothing, since others may know more. Throws `url_invalid`.
 *
 * @example
 * const feed = pubsubSource({ url: "redis://localhost:6379", channels: ["ticker:nifty:options", "ticker:nifty:underlying"] });
 */
export function pubsubSource(options: PubsubOptions): QuoteSource {
  return new PubsubSource(options);
}

class PubsubSource implements QuoteSource {
  readonly name = "pubsub";
  readonly #channels: readonly string[];
  readonly #clock: SourceClock;
  readonly #held: HeldQuotes;
  readonly #link: RedisLink;
  /** The connection there is, and its subscription: null where it has none yet, or was refused it. */
  #client: Redis | null = null;
  #subscribed: Promise<unknown> | null = null;
  /** When the last question whether anybody is there was sent, and not yet answered: a silent connection looks like a quiet market. */
  #asked_ms: number | null = null;
  #heard_ms = Number.NEGATIVE_INFINITY;

  constructor(options: PubsubOptions) {
    this.#channels = options.channels;
    this.#clock = options.clock ?? systemClock;
    this.#held = new HeldQuotes({ allow_mock: options.allow_mock ?? false, now: () => this.#clock.now() });
    this.#link = new RedisLink(checkedTarget(options), (client) => this.#listen(client));
  }

  async read(instruments: readonly InstrumentRef[], sink: QuoteSink, { deadline_ms, signal }: ReadOptions): Promise<void> {
    const timeout = AbortSignal.timeout(Math.ceil(deadline_ms));
    const end = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      await untilAborted(end, this.#link.ready());
      await untilAborted(end, this.#subscription());
      this.#probe();
    } catch (error) {
      if (!end.aborted) throw unavailable(this.name, this.#link.reasonOf(error));
      throw unavailable(this.name, timeout.aborted ? `no answer within ${Math.ceil(deadline_ms)} ms` : "interrupted");
    }
    this.#held.tell(instruments, sink);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** On every new connection: it knows nothing of what the one before it had subscribed to. */
  #listen(client: Redis): void {
    this.#client = client;
    client.removeAllListeners("message");
    client.on("message", (_channel, text) => {
      this.#heard_ms = this.#clock.monotonic();
      this.#held.take(text);
    });
    this.#asked_ms = null;
    this.#heard_ms = this.#clock.monotonic();
    this.#subscribed = null;
    // Told by the read that waits for it, or by the next one.
    this.#subscription().catch(() => undefined);
  }

  /** Once a connection; where the server refuses it, with each read: a right that is given later is found. */
  async #subscription(): Promise<void> {
    const subscribed = (this.#subscribed ??= this.#client?.subscribe(...this.#channels) ?? null);
    try {
      await subscribed;
    } catch (error) {
      if (this.#subscribed === subscribed) this.#subscribed = null;
      throw error;
    }
  }

  /** Asks where nothing came for a while; where nobody answered, the connection is given up. */
  #probe(): void {
    const now_ms = this.#clock.monotonic();
    if (this.#asked_ms !== null && now_ms - this.#asked_ms > SILENT_MS_MAX && this.#heard_ms < this.#asked_ms) {
      this.#link.drop();
      throw unavailable(this.name, "no answer");
    }
    if (this.#asked_ms !== null || now_ms - this.#heard_ms < SILENT_MS_MAX / 2) return;
    this.#asked_ms = now_ms;
    const answered = (): void => {
      this.#asked_ms = null;
      this.#heard_ms = this.#clock.monotonic();
    };
    this.#client?.ping().then(answered, () => undefined);
  }
}
