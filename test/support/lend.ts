import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestProject } from "vitest/node";
import { LENDER, startLent, type PostgresServer } from "./postgres.ts";

/**
 * Servers of a whole test run, since starting one costs more than most files of tests: each worker has its own, which one file after
 * another is lent, started when a file first asks for it. They end with the run, however that ends.
 */
export default async function setup({ config }: TestProject): Promise<(() => Promise<void>) | undefined> {
  // Templates would be of migrations that have been edited since. And each of vitest's projects asks.
  if (config.watch || process.env[LENDER] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "stratctl-t-"));
  const servers = new Map<string, Promise<PostgresServer>>();
  const lender = createServer((socket) => {
    socket.on("error", () => undefined); // a worker that was ended meanwhile
    createInterface({ input: socket }).once("line", (line) => {
      const started = servers.get(line) ?? startLent(line.split(" ")[0] ?? "");
      servers.set(line, started);
      void started.then(
        ({ url, socket: path }) => socket.end(JSON.stringify({ url, socket: path })),
        (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
      );
    });
  });
  const path = join(folder, "lender");
  await new Promise<void>((resolve) => {
    lender.listen(path, resolve);
  });
  process.env[LENDER] = path;
  return async () => {
    delete process.env[LENDER];
    lender.close();
    await Promise.allSettled([...servers.values()].map(async (server) => (await server).stop()));
    await rm(folder, { recursive: true, force: true });
  };
}
