import { randomBytes } from "node:crypto";
import { builtinCalendar, builtinLots } from "../../packages/sdk/src/index.ts";
import type { Context } from "../../packages/sdk/src/api/service/context.ts";
import type { Scope } from "../../packages/sdk/src/api/route.ts";
import type { Loop } from "../../packages/engine/src/loop.ts";
import type { LogLine } from "../../packages/engine/src/log.ts";
import { createVerifier, mintToken } from "../../packages/engine/src/http/access.ts";
import type { Secret } from "../../packages/engine/src/http/secret.ts";
import { serve, type Timeouts } from "../../packages/engine/src/http/server.ts";
import { HttpSettings } from "../../packages/engine/src/http/settings.ts";

export interface ApiOptions extends Partial<Omit<Context, "caller" | "account_id" | "database">> {
  readonly db: Context["database"];
  /** As a config file gives them; the port is a free one unless said. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** What a daemon would tell; there is none unless said. */
  readonly loop?: Loop | null;
  /** What its tokens are signed with; one of its own unless said. */
  readonly secret?: Secret;
  readonly timeouts?: Partial<Timeouts>;
}

export interface TokenClaims {
  /** "all" unless said. */
  readonly accounts?: readonly string[] | "all";
  /** Both unless said. */
  readonly scopes?: readonly Scope[];
  readonly subject?: string;
  /** An hour unless said. */
  readonly ttl_s?: number;
}

export interface RunningApi extends AsyncDisposable {
  readonly url: string;
  /** What the server logged. */
  readonly lines: readonly LogLine[];
  readonly token: (claims?: TokenClaims) => Promise<string>;
  readonly close: () => Promise<void>;
}

const newSecret = (): Secret => ({ key: randomBytes(32), is_local: true });

const BOTH: readonly Scope[] = ["read", "trade"];

/** A real server on a free port of this machine, over a test's database. */
export async function startApi({ db, settings, loop = null, secret = newSecret(), timeouts, ...world }: ApiOptions): Promise<RunningApi> {
  const lines: LogLine[] = [];
  const parsed = HttpSettings.parse({ port: 0, ...settings });
  const server = await serve({
    settings: parsed,
    context: {
      database: db,
      sources: [],
      calendar: builtinCalendar(),
      lots: builtinLots(),
      now: Date.now,
      m2m_basis: parsed.m2m_basis,
      feed: null,
      ...world,
    },
    verifier: createVerifier(parsed, secret),
    log: (line) => lines.push(line),
    loop,
    timeouts,
  });
  const token: RunningApi["token"] = ({ accounts = "all", scopes = BOTH, subject = "test", ttl_s = 3600 } = {}) =>
    mintToken(secret, { accounts, scopes, subject, ttl_s, now_ms: Date.now(), settings: parsed });
  return { url: server.url, lines, token, close: server.close, [Symbol.asyncDispose]: server.close };
}
