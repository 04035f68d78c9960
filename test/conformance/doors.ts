import { vi } from "vitest";
import { connect, type Stratctl } from "../../packages/sdk/src/index.ts";
import { openSources } from "../../packages/sdk/src/quotes/open.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { temporaryEmbedded } from "../../packages/sdk/src/store/embedded/temporary.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { embeddedServer, freshDatabase, POSTGRES } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";
import type { Ticker } from "../support/ticker.ts";

/** Nobody listens there: what Redis would say is then "connection refused". */
const NO_REDIS = "redis://127.0.0.1:1";

/** One of the ways to the Api, with an empty database of its own behind it. */
export interface Door {
  readonly open: (account_id?: string) => Promise<Stratctl>;
  readonly database: Database;
  /** Who is named as the one that made a strategy. */
  readonly caller: string | null;
  /** The server, where there is one. */
  readonly api: RunningApi | null;
  readonly close: () => Promise<void>;
}

export const DOORS: readonly (readonly [name: string, open: (ticker: Ticker) => Promise<Door>])[] = [
  [
    "embedded, in process",
    async ({ url: ticker_url }) => {
      const home = await temporaryEmbedded();
      for (const name of ["STRATCTL_URL", "DATABASE_URL", "STRATCTL_ACCOUNT"]) vi.stubEnv(name, "");
      vi.stubEnv("STRATCTL_DATA", home.folder);
      await (await connect()).close();
      const database = await openPool(home.url);
      const close = async (): Promise<void> => {
        vi.unstubAllEnvs();
        await database.close();
        await home.remove();
      };
      return { open: (account_id) => connect({ account_id, redis_url: NO_REDIS, ticker_url }), database, caller: null, api: null, close };
    },
  ],
  [
    "a Postgres by URL, in process",
    async ({ url: ticker_url }) => {
      const { server } = POSTGRES.findLast(({ missing }) => missing === null) ?? { server: embeddedServer };
      const fresh = await freshDatabase(await server(), MIGRATED);
      const database = await openPool(fresh.url);
      const close = async (): Promise<void> => {
        await database.close();
        await fresh.drop();
      };
      return {
        open: (account_id) => connect({ url: fresh.url, account_id, redis_url: NO_REDIS, ticker_url }),
        database,
        caller: null,
        api: null,
        close,
      };
    },
  ],
  [
    "a server, over HTTP",
    async ({ url: ticker_url }) => {
      const fresh = await freshDatabase(await embeddedServer(), MIGRATED);
      const database = await openPool(fresh.url);
      const sources = openSources({ redis_url: NO_REDIS, ticker_url });
      const api = await startApi({ db: database, sources });
      const token = await api.token({ subject: "somebody" });
      const close = async (): Promise<void> => {
        await api.close();
        await Promise.all(sources.map((source) => source.close()));
        await database.close();
        await fresh.drop();
      };
      return { open: (account_id) => connect({ url: api.url, token, account_id }), database, caller: "somebody", api, close };
    },
  ],
];
