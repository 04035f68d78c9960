import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { root } from "../support/source.ts";
import { startDeskDaemon, type DeskDaemon } from "./desk-daemon.ts";

/** Every command of docs/api.md, one after another in one folder, as a reader who copies them would run them: against a server. */

const PAGE = path.join(root, "docs", "api.md");
const page = await readFile(PAGE, "utf8");

interface Block {
  readonly place: string;
  readonly code: string;
  /** What it prints, or a part of it; null where the page does not say. */
  readonly prints: unknown;
}

const blocks: Block[] = [...page.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n```json\n([\s\S]*?)^```$)?/gm)].map((match) => ({
  place: `docs/api.md:${page.slice(0, match.index).split("\n").length}`,
  code: match[1] ?? "",
  prints: match[2] === undefined ? null : JSON.parse(match[2]),
}));

const missing = spawnSync("curl", ["--version"]).status === 0 ? null : "curl";
if (missing !== null) console.log("without curl the commands of docs/api.md are not run");

describe.skipIf(missing)("the commands of docs/api.md", () => {
  let folder: string;
  let desk: DeskDaemon;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "stratctl-curl-"));
    desk = await startDeskDaemon(folder, { "NFO:NIFTY49D2825000CE": 97.35, "NFO:NIFTY49D2824600PE": 106.2 });
  });
  afterAll(async () => {
    await desk?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test.for(blocks)("$place does what it says", async ({ code, prints }) => {
    // Once the page has made the strategy, it has a minute of history.
    if (code.includes("/m2m")) await upsertMany(desk.database, batchOf([candle], "live"), { overwrite: false });
    const { status, stdout, stderr } = await bash(code.replaceAll("http://localhost:8081", desk.url), { cwd: folder, env: desk.env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    if (prints !== null) expect(JSON.parse(stdout)).toMatchObject(z.object({}).loose().or(z.array(z.unknown())).parse(prints));
    else expect(stdout).not.toContain('"code":');
  });

  test("are all that the page has: no other server, no command that is not run", () => {
    expect(blocks.length).toBe(page.split("```sh\n").length - 1);
    expect(page.match(/https?:\/\/(?!localhost:8081|127\.0\.0\.1:8081)[^\s"`)]+/g)).toBeNull();
  });
});

const minute_ms = Date.parse("2025-11-04T03:45:00Z");
const candle = {
  strategy_id: 2,
  minute_ms,
  open_units: -15_000_000,
  high_units: -13_205_000,
  low_units: -16_100_000,
  close_units: -14_022_500,
  entry_value_units: 0,
  realized_pnl_units: 0,
  instrument_count: 2,
  sampled: 3n,
  stale_count: 0,
  oldest_age_ms: 0,
  first_at_ms: minute_ms,
  last_at_ms: minute_ms + 1_000,
  source: "live" as const,
};

function bash(
  code: string,
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", code], { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: 240_000 });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (status) => resolve({ status, stdout, stderr }));
  });
}
