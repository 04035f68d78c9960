import type { Readable } from "node:stream";
import { Pool } from "undici";
import { StratctlError } from "../../errors.ts";
import { PROBLEM_BYTES_MAX, textOf } from "./answer.ts";
import { connectionFailure, refusalOf, type Failure } from "./failure.ts";
import type { WireRequest } from "./request.ts";
import type { TokenSource } from "./token.ts";

/** Connections of calls at once; more calls wait for one. Streams have one each, beyond these. */
const CONNECTIONS_MAX = 16;
/** Idle connections outlive the pause between two calls of a script; the server's own shorter limit is obeyed. */
const KEEP_ALIVE_MS = 30_000;

export interface ConnectionOptions {
  readonly url: URL;
  readonly token: TokenSource;
  /** Without a byte for so long, an attempt is given up: while connecting, before the headers, within the body. */
  readonly timeout_ms: number;
}

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One attempt at a call. */
export interface Attempt<Result> {
  readonly request: WireRequest;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** Events: a connection of their own, cut where nothing comes for `silence_ms`. */
  readonly silence_ms?: number | undefined;
  /** Takes the body of a success. */
  readonly take: (body: Readable, headers: AnswerHeaders) => Promise<Result>;
}

export type Outcome<Result> = { readonly ok: true; readonly result: Result } | ({ readonly ok: false } & Failure);

/** The connections of one client to one server, kept open between calls. */
export class Connection {
  /** What errors call the server: its URL without anything secret. */
  readonly server: string;
  readonly #options: ConnectionOptions;
  readonly #calls: Pool;
  readonly #streams: Pool;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.server = `${options.url.origin}${options.url.pathname.replace(/\/$/, "")}`;
    const settings = { connectTimeout: options.timeout_ms, keepAliveTimeout: KEEP_ALIVE_MS, allowH2: false };
    this.#calls = new Pool(options.url.origin, { ...settings, connections: CONNECTIONS_MAX });
    this.#streams = new Pool(options.url.origin, settings);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get renews_token(): boolean {
    return this.#options.token.renews;
  }

  /** Throws what the signal gives as its reason, what `take` throws of ours, and nothing else: the rest is an outcome. */
  async attempt<Result>({ request, headers, signal, silence_ms, take }: Attempt<Result>): Promise<Outcome<Result>> {
    signal?.throwIfAborted();
    const authorization = await this.#options.token.authorization(signal);
    signal?.throwIfAborted();
    try {
      const { timeout_ms } = this.#options;
      const answer = await (silence_ms === undefined ? this.#calls : this.#streams).request({
        method: request.method,
        path: request.path,
        body: request.body,
        headers: {
          ...headers,
          ...(request.body === null ? {} : { "content-type": "application/json" }),
          ...(authorization === null ? {} : { authorization }),
        },
        signal: signal ?? null,
        // The connection of a stream ends with it: kept open, it would hold up a server that is stopping.
        reset: silence_ms !== undefined,
        headersTimeout: timeout_ms,
        bodyTimeout: silence_ms ?? timeout_ms,
      });
      const { statusCode: status, body } = answer;
      // Whoever reads it is told as well; one that is given up unread has nobody left to tell.
      body.on("error", () => undefined);
      if (status === 200 || status === 201) return { ok: true, result: await take(body, answer.headers) };
      const text = await textOf(body, answer.headers["content-encoding"], PROBLEM_BYTES_MAX);
      return { ok: false, ...refusalOf({ status, headers: answer.headers, text }, this.server, Date.now()) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StratctlError) throw error;
      return { ok: false, ...connectionFailure(error, request, this.server) };
    }
  }

  /** Calls under way end first; streams end at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#calls.close(), this.#streams.destroy()]);
  }
}
