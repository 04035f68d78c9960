import { builtinCalendar, builtinLots, type Calendar, isLoopback, type Database, type QuoteSource } from "@stratctl/sdk/internal";
import type { Log } from "../log.ts";
import type { Loop, Served } from "../loop.ts";
import type { HttpSettings } from "./settings.ts";

export interface DaemonApiOptions {
  /** Connections of its own: whoever calls must not keep the loop from its writes. */
  readonly database: Database;
  readonly sources: readonly QuoteSource[];
  readonly settings: HttpSettings;
  readonly log: Log;
  /** The one that comes with stratctl unless said. */
  readonly calendar?: Calendar | undefined;
}

/**
 * Serves the API beside a daemon's loop: `runDaemon({ …, serve: (loop) => serveApi(options, loop) })`. What it stands on is loaded
 * here, so that a daemon that serves nothing does not pay for it.
 *
 * @throws StratctlError address_in_use; input_invalid: a host that is not of this machine; file_unusable: the secret
 */
export async function serveApi(
  { database, sources, settings, log, calendar = builtinCalendar() }: DaemonApiOptions,
  loop: Loop,
): Promise<Served> {
  const [{ serve }, { createVerifier }, { secretOf }] = await Promise.all([
    import("./server.ts"),
    import("./access.ts"),
    import("./secret.ts"),
  ]);
  if (!isLoopback(settings.host))
    log({
      level: "warn",
      event: "http",
      text: `listens on ${settings.host}: others can reach it, and tokens go over the network as they are; put TLS before it`,
      fields: { host: settings.host },
    });
  return serve({
    settings,
    context: {
      database,
      // However often callers ask for prices and hang up, the loop finds its own part of what a source may be asked, and its connection.
      sources: sources.map((source) => source.forOthers?.() ?? source),
      calendar,
      lots: builtinLots(),
      now: Date.now,
      m2m_basis: settings.m2m_basis,
      feed: loop.feed,
    },
    verifier: createVerifier(settings, await secretOf(settings)),
    log,
    loop,
  });
}
