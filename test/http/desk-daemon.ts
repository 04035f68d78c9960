import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { tickerSource } from "@stratctl/sdk/internal";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { startApi } from "../support/api.ts";
import { embeddedServer, freshDatabase } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";

/** A server as somebody at a desk has it, and the environment of a shell beside it. */
export interface DeskDaemon extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  /** `stratctl token` is on its PATH. */
  readonly env: NodeJS.ProcessEnv;
}

/** Starts one on a free port, over a database of its own; the ticker knows the prices given. */
export async function startDeskDaemon(folder: string, prices: Readonly<Record<string, number>>): Promise<DeskDaemon> {
  const fresh = await freshDatabase(await embeddedServer(), MIGRATED);
  const database = await openPool(fresh.url);
  const ticker = await startTicker(prices);
  const api = await startApi({ db: database, sources: [tickerSource({ url: ticker.url })] });
  const reader = await api.token({ accounts: ["XJ4540"], scopes: ["read"] });
  const stratctl = path.join(folder, "stratctl");
  await writeFile(stratctl, `#!/bin/sh\ncase "$*" in *"--scope read"*) echo "${reader}" ;; *) echo "${await api.token()}" ;; esac\n`);
  await chmod(stratctl, 0o755);
  return {
    url: api.url,
    database,
    env: { ...process.env, PATH: `${folder}${path.delimiter}${process.env["PATH"] ?? ""}` },
    async [Symbol.asyncDispose]() {
      await api.close();
      await ticker[Symbol.asyncDispose]();
      await database.close();
      await fresh.drop();
    },
  };
}
