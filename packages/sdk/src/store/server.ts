import { z } from "zod";
import type { Db } from "./db.ts";

const Server = z.object({
  version: z.string(),
  /** A replica, or one that was set so: it takes no writes. */
  is_read_only: z.boolean(),
  connections: z.int(),
  connections_max: z.int(),
});

/** What a server tells of itself. */
export function serverFacts(db: Db): Promise<z.output<typeof Server>> {
  return db.one(
    Server,
    "server.facts",
    `select current_setting('server_version') as version,
       pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as is_read_only,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
       current_setting('max_connections')::int as connections_max`,
  );
}

/** What the server's clock shows, in milliseconds since the epoch. */
export async function serverClock(db: Db): Promise<number> {
  const { at_ms } = await db.one(
    z.object({ at_ms: z.coerce.number() }),
    "server.clock",
    "select (extract(epoch from clock_timestamp()) * 1000)::float8 as at_ms",
  );
  return at_ms;
}
