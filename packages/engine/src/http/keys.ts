import { createLocalJWKSet, type CryptoKey, type JWSHeaderParameters } from "jose";
import { z } from "zod";
import { StratctlError } from "@stratctl/sdk/internal";

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

const BYTES_MAX = 256 * 1024;
const TIMEOUT_MS = 5_000;
/** Keys this old are fetched again beside the calls that still use them. */
const AGE_MS_MAX = 600_000;
/** After a fetch, good or bad, another waits: made-up key ids must not make this server ask theirs for each. */
const COOLDOWN_MS = 30_000;

interface Held {
  readonly find: (header: JWSHeaderParameters) => Promise<CryptoKey>;
  readonly count: number;
  readonly ids: ReadonlySet<string>;
}

/**
 * The public keys of an issuer, by URL. An unknown key id fetches once, then not before a cooldown; keys once had stay good while
 * the issuer is away. jose's own remote set forgets them then, and cools down after good fetches alone.
 */
export class IssuerKeys {
  readonly #url: string;
  readonly #now: () => number;
  #held: Held | null = null;
  #fetched_ms = Number.NEGATIVE_INFINITY;
  /** When it was last tried for each reason: the first fetch must not make a key that is new right after it wait. */
  readonly #tried_ms = { held: Number.NEGATIVE_INFINITY, unknown: Number.NEGATIVE_INFINITY };
  #fetching: Promise<void> | null = null;

  constructor(url: string, now: () => number) {
    this.#url = url;
    this.#now = now;
  }

  /** The key that a token's header names. Rejects with `server_busy` where no keys can be had, else as jose does. */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    if (this.#held === null) await this.#fetch("held");
    else if (header.kid !== undefined && !this.#held.ids.has(header.kid)) await this.#fetch("unknown");
    else if (this.#now() - this.#fetched_ms > AGE_MS_MAX) void this.#fetch("held");
    const held = this.#held;
    if (held === null)
      throw new StratctlError("server_busy", "the keys that tokens are checked with cannot be had just now", {
        details: { retry_after_s: Math.max(1, Math.ceil((this.#tried_ms.held + COOLDOWN_MS - this.#now()) / 1000)) },
      });
    if (header.kid === undefined && held.count > 1) throw new StratctlError("token_invalid", "the token names none of several keys (kid)");
    return held.find(header);
  }

  /** Never rejects: what a fetch did not bring is told by what is held. */
  #fetch(why: "held" | "unknown"): Promise<void> {
    if (this.#fetching !== null) return this.#fetching;
    if (this.#now() - this.#tried_ms[why] < COOLDOWN_MS) return Promise.resolve();
    this.#tried_ms[why] = this.#now();
    this.#fetching = this.#load().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #load(): Promise<void> {
    try {
      this.#held = await load(this.#url);
      this.#fetched_ms = this.#now();
    } catch {
      // What was held stays; without any, the call says so.
    }
  }
}

async function load(url: string): Promise<Held> {
  const answer = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.status !== 200 || answer.body === null) throw new Error(`status ${answer.status}`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body) {
    bytes += part.length;
    if (bytes > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    parts.push(part);
  }
  const { keys } = KeySet.parse(JSON.parse(Buffer.concat(parts).toString("utf8")));
  const find = createLocalJWKSet({ keys });
  return {
    find: (header) => find(header),
    count: keys.length,
    ids: new Set(keys.flatMap(({ kid }) => (typeof kid === "string" ? [kid] : []))),
  };
}
