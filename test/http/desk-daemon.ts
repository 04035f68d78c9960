import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { embeddedServer, freshDatabase } from "../support/postgres.ts";
import { root } from "../support/source.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";

/** A daemon as somebody at a desk has it, and the environment of a shell beside it. */
export interface DeskDaemon extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  /** `stratctl` is on its PATH. */
  readonly env: NodeJS.ProcessEnv;
}

const Ready = z.object({ event: z.literal("ready"), url: z.url() });

/** Starts one on a free port, over a database of its own; the ticker knows the prices given, and there is no Redis. */
export async function startDeskDaemon(folder: string, prices: Readonly<Record<string, number>>): Promise<DeskDaemon> {
  const fresh = await freshDatabase(await embeddedServer(), MIGRATED);
  const database = await openPool(fresh.url);
  const ticker = await startTicker(prices);
  const main = path.join(root, "packages", "cli", "src", "main.ts");
  const stratctl = path.join(folder, "stratctl");
  await writeFile(stratctl, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  await chmod(stratctl, 0o755);
  const env = {
    ...process.env,
    PATH: `${folder}${path.delimiter}${process.env["PATH"] ?? ""}`,
    STRATCTL_URL: fresh.url,
    STRATCTL_DATA: path.join(folder, "data"),
    STRATCTL_CONFIG: path.join(folder, "config.json"),
    REDIS_URL: "redis://127.0.0.1:1",
    TICKER_URL: ticker.url,
  };
  const child = spawn(process.execPath, [main, "daemon", "--port", "0"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line);
      const told = Ready.safeParse(JSON.parse(line)).data;
      if (told !== undefined) resolve(told.url);
    });
    child.on("exit", (status) => reject(new Error(`the daemon ended with ${status}: ${said.join("\n")}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    await ticker[Symbol.asyncDispose]();
    await database.close();
    await fresh.drop();
  };
  try {
    return { url: await ready, database, env, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
