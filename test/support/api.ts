import { builtinCalendar, builtinLots } from "../../packages/sdk/src/index.ts";
import type { Caller, Context } from "../../packages/sdk/src/api/service/context.ts";
import type { Scope } from "../../packages/sdk/src/api/route.ts";
import { StratctlError } from "../../packages/sdk/src/errors.ts";
import type { Loop } from "../../packages/engine/src/loop.ts";
import type { LogLine } from "../../packages/engine/src/log.ts";
import { serve } from "../../packages/engine/src/http/server.ts";
import { HttpSettings } from "../../packages/engine/src/http/settings.ts";

export interface ApiOptions extends Partial<Omit<Context, "caller" | "account_id" | "database">> {
  readonly db: Context["database"];
  /** As a config file gives them; the port is a free one unless said. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** What a daemon would tell; there is none unless said. */
  readonly loop?: Loop | null;
}

export interface TokenClaims {
  /** "all" unless said. */
  readonly accounts?: readonly string[] | "all";
  /** Both unless said. */
  readonly scopes?: readonly Scope[];
  readonly subject?: string;
}

export interface RunningApi extends AsyncDisposable {
  readonly url: string;
  /** What the server logged. */
  readonly lines: readonly LogLine[];
  readonly token: (claims?: TokenClaims) => Promise<string>;
  readonly close: () => Promise<void>;
}

const BOTH: readonly Scope[] = ["read", "trade"];

/** A real server on a free port of this machine, over a test's database. */
export async function startApi({ db, settings, loop = null, ...world }: ApiOptions): Promise<RunningApi> {
  const lines: LogLine[] = [];
  const callers = new Map<string, Caller>();
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
    verifier: {
      async verify(authorization) {
        if (authorization === undefined) throw new StratctlError("token_required", "this call wants a token");
        const caller = callers.get(authorization.replace(/^Bearer /, ""));
        if (caller === undefined) throw new StratctlError("token_invalid", "the token is not one of this server");
        return caller;
      },
    },
    log: (line) => lines.push(line),
    loop,
  });
  const token: RunningApi["token"] = async ({ accounts = "all", scopes = BOTH, subject = "test" } = {}) => {
    const name = `token-${callers.size}`;
    callers.set(name, { subject, accounts: accounts === "all" ? accounts : new Set(accounts), scopes: new Set<Scope>(scopes) });
    return name;
  };
  return { url: server.url, lines, token, close: server.close, [Symbol.asyncDispose]: server.close };
}
