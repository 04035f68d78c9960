import { z } from "zod";
import { isRoute, type CallOptions, type Calls, type Contract, type StreamOptions } from "../route.ts";
import { contract } from "../contract.ts";
import { parseInput } from "../input.ts";
import { callRoute, type Client } from "./call.ts";
import { Connection } from "./connection.ts";
import { PACE, type Pace } from "./pace.ts";
import { streamRoute } from "./stream.ts";
import { tokenSource, type TokenOptions } from "./token.ts";

export interface ClientOptions extends TokenOptions {
  /** `https://host:8081`, checked; a path is put before those of the contract. */
  readonly url: URL;
  /** The account of calls that name none. */
  readonly account_id: string | null;
  /** Of an attempt, without a byte; 10 000. */
  readonly timeout_ms?: number | undefined;
  /** Further attempts at what may be called again; 2. */
  readonly retries?: number | undefined;
  readonly pace?: Partial<Pace> | undefined;
}

const Settings = z.object({
  timeout_ms: z.int().min(1).max(3_600_000).default(10_000),
  retries: z.int().min(0).max(100).default(2),
});

/** The calls of the contract over HTTP: each is made of its line there. Nothing is sent before the first call. Throws `token_invalid`, `input_invalid`. */
export function createClient(options: ClientOptions): Calls<typeof contract> & { readonly close: () => Promise<void> } {
  const { url, account_id } = options;
  const { timeout_ms, retries } = parseInput(Settings, { timeout_ms: options.timeout_ms, retries: options.retries });
  const connection = new Connection({ url, token: tokenSource(options), timeout_ms });
  const client: Client = {
    connection,
    request: { prefix: url.pathname.replace(/\/+$/, ""), account_id },
    retries,
    pace: { ...PACE, ...options.pace },
  };
  return { ...callsOf(contract, client), close: () => connection.close() };
}

function callsOf<C extends Contract>(lines: C, client: Client): Calls<C>;
function callsOf(lines: Contract, client: Client): object {
  return Object.fromEntries(Object.entries(lines).map(([name, line]) => [name, callOf(line, client)]));
}

function callOf(line: Contract[string], client: Client): unknown {
  if (!isRoute(line)) return callsOf(line, client);
  return line.kind === "answer"
    ? (input: unknown, options?: CallOptions) => callRoute(client, line, { input, options })
    : (input: unknown, options?: StreamOptions) => streamRoute(client, line, { input, options });
}
