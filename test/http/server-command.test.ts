import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { z } from "zod";
import { root } from "../support/source.ts";
import { onEveryPostgres } from "../support/store.ts";

const Line = z.looseObject({ event: z.string(), msg: z.string(), url: z.string().optional() });

onEveryPostgres("stratctl daemon over", (store) => {
  const daemon = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcessByStdio<null, Readable, Readable> =>
    spawn(process.execPath, [path.join(root, "packages", "cli", "src", "main.ts"), "daemon", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        STRATCTL_URL: store.url,
        STRATCTL_CONFIG: "/dev/null/none",
        REDIS_URL: "redis://127.0.0.1:1",
        TICKER_URL: "http://127.0.0.1:1",
        ...env,
      },
    });
  const ready = async ({ stdout }: { stdout: Readable }): Promise<z.infer<typeof Line>> => {
    for await (const line of createInterface({ input: stdout })) {
      const told = Line.parse(JSON.parse(line));
      if (told.event === "ready") return told;
    }
    throw new Error("it ended before it was ready");
  };

  test("serves where it is told to, the flag before the environment, and ends what it serves with 0", async () => {
    const child = daemon(["--port", "0"], { STRATCTL_HTTP_PORT: "1", STRATCTL_HTTP_CORS_ORIGINS: "http://localhost:3001" });
    const ended = once(child, "exit");
    const { url } = await ready(child);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    const refused = await fetch(`${url}/strategies`, { headers: { origin: "http://localhost:3001" } });
    expect({ status: refused.status, origin: refused.headers.get("access-control-allow-origin") }).toEqual({
      status: 401,
      origin: "http://localhost:3001",
    });

    const second = daemon(["--port", new URL(url ?? "").port]);
    const second_ended = once(second, "exit");
    const [said, wrong] = await Promise.all([text(second.stdout), text(second.stderr)]);
    expect(await second_ended).toEqual([7, null]);
    expect({ said, wrong }).toEqual({
      // Where it came so far: the first one leads their accounts.
      said: expect.stringMatching(/^(?:\{[^\n]*stands by: [^\n]*\}\n)?$/),
      wrong: expect.stringMatching(/^stratctl: 127\.0\.0\.1:\d+ is taken: .*\n {2}choose another with --port, or/),
    });

    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test("serves nothing with --no-http, and refuses a bad setting by its name", async () => {
    const child = daemon(["--no-http"], { STRATCTL_HTTP_PORT: "1" });
    const ended = once(child, "exit");
    expect(await ready(child)).not.toHaveProperty("url");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);

    const bad = daemon([], { STRATCTL_HTTP_RATE_LIMIT: "many" });
    const bad_ended = once(bad, "exit");
    expect(await text(bad.stderr)).toMatch(/^stratctl: http\.rate_limit must be a whole number .*not "many"\n/);
    expect(await bad_ended).toEqual([2, null]);
  });
});
