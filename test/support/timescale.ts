import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { timescaledb } from "@electric-sql/pglite/timescaledb";

export interface TimescaleServer extends AsyncDisposable {
  /** For a pool of one connection: it serves one at a time. */
  readonly url: string;
}

/**
 * A Postgres with TimescaleDB, compiled to WebAssembly, in this process and in memory, behind a Unix socket. Its background jobs
 * do not run, and COPY FROM STDIN would end it.
 */
export async function startTimescale(): Promise<TimescaleServer> {
  const database = await PGlite.create({ extensions: { timescaledb } });
  const folder = await mkdtemp(join(tmpdir(), "stratctl-t-"));
  const served: Promise<void>[] = [];
  const server = createServer((socket) => served.push(serve(database, socket))).listen(join(folder, ".s.PGSQL.5432"));
  await once(server, "listening");
  return {
    url: `postgres://postgres@${encodeURIComponent(folder)}/postgres`,
    async [Symbol.asyncDispose]() {
      server.close();
      await Promise.all(served);
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The message that ends a connection. It would end the database: its session is cleared instead, for the next one. */
const TERMINATE = "X".codePointAt(0);

/** Hands on whole messages only: a batch of candles comes in many pieces. */
async function serve(database: PGlite, socket: Socket): Promise<void> {
  let rest = Buffer.alloc(0);
  let begun = false;
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) throw new Error("a socket gives bytes");
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      // The first message has no letter before its length.
      const letter = begun ? 1 : 0;
      const length = rest.length < letter + 4 ? Number.POSITIVE_INFINITY : rest.readInt32BE(letter) + letter;
      if (rest.length < length) break;
      if (begun && rest[0] === TERMINATE) {
        await database.exec("rollback; deallocate all");
        socket.end();
        return;
      }
      begun = true;
      socket.write(await database.execProtocolRaw(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  }
}
