import { randomBytes } from "node:crypto";
import { z } from "zod";
import { builtinCalendar, builtinLots, createService, openDatabase, redisSource, type Database } from "@stratctl/sdk/internal";
import { createVerifier, mintToken } from "../packages/engine/src/http/access.ts";
import { buildServer } from "../packages/engine/src/http/server.ts";
import { HttpSettings } from "../packages/engine/src/http/settings.ts";
import { holdYoungGeneration, runDaemon, systemClock, type Clock } from "../packages/engine/src/index.ts";

/**
 * A daemon that marks its strategies and serves them in one process, with two handlers more on the same server: each runs the
 * statement that a call of the contract ran, on the same pool, and returns its rows. Tells `{ url, token }`, then until it is
 * ended by SIGTERM nothing, then what the loop came to. `node http-process.ts URL REDIS_URL AT_MS FROM TO`
 */
const [url = "", redis_url = "", at = "", from_time = "", to_time = ""] = process.argv.slice(2);
const offset_ms = Number(at) - Date.now();
const clock: Clock = { ...systemClock, now: () => Date.now() + offset_ms };
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
holdYoungGeneration(); // as `stratctl daemon` does

interface Statement {
  readonly sql: string;
  readonly params: Parameters<Database["many"]>[3];
}

/** What the calls ask of a database, the last statement of each. */
async function statementOf(database: Database, call: (watched: Database) => Promise<unknown>): Promise<Statement> {
  const asked: Statement[] = [];
  await call({
    ...database,
    many: (row, name, sql, params) => (asked.push({ sql, params }), database.many(row, name, sql, params)),
    maybeOne: (row, name, sql, params) => (asked.push({ sql, params }), database.maybeOne(row, name, sql, params)),
  });
  const last = asked.at(-1);
  if (last === undefined) throw new Error("the call asked nothing of the database");
  return last;
}

const db = await openDatabase({ url }, { as_it_is: true });
const database = await openDatabase({ url }, { as_it_is: true });
const source = redisSource({ url: redis_url });
const world = { sources: [], calendar: builtinCalendar(), lots: builtinLots(), account_id: null, caller: null, feed: null } as const;
const serviceOn = (watched: Database) => createService({ ...world, database: watched, now: () => clock.now(), m2m_basis: "m2m" });
const statements = {
  strategy: await statementOf(database, (watched) => serviceOn(watched).strategies.get({ strategy_id: 1 })),
  day: await statementOf(database, (watched) => serviceOn(watched).strategies.m2m.history({ strategy_id: 1, from_time, to_time })),
};

const settings = HttpSettings.parse({ port: 0, rate_limit: 999_999_999 });
const secret = { key: randomBytes(32), is_local: true } as const;
const verifier = createVerifier(settings, secret);
const claims = { accounts: "all", scopes: ["read"], ttl_s: 3600, now_ms: Date.now(), subject: "bench", settings } as const;
const report = await runDaemon({
  db,
  sources: [source],
  clock,
  signal: stop.signal,
  log: () => undefined,
  async serve(loop) {
    const context = { ...world, database, now: () => clock.now(), m2m_basis: "m2m", feed: loop.feed } as const;
    const { app } = await buildServer({ settings, context, verifier, log: () => undefined, loop });
    for (const [name, { sql, params }] of Object.entries(statements))
      app.get(`/bare/${name}`, async (_, reply) => reply.send(await database.many(z.unknown(), `bench.${name}`, sql, params)));
    const listening = await app.listen({ host: "127.0.0.1", port: 0 });
    console.log(JSON.stringify({ url: listening, token: await mintToken(secret, claims) }));
    return { url: listening, close: () => app.close() };
  },
});
await Promise.all([source.close(), db.close(), database.close()]);
const { sample_count, skipped_count, lost_count } = report;
console.log(JSON.stringify({ sample_count, skipped_count, lost_count }));
