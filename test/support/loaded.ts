import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { z } from "zod";
import { root } from "./source.ts";

/** Tells on standard error what was loaded, whoever asked for it and in whichever way. */
const SPY = `
import { registerHooks } from "node:module";
const seen = new Set();
registerHooks({ load(url, context, next) { seen.add(url); return next(url, context); } });
process.on("exit", () => process.stderr.write("\\nloaded:" + JSON.stringify([...seen])));
`;

/** URLs of all that a process loaded, `node:fs` as well as files. */
export function loadedBy(args: readonly string[]): string[] {
  const spy = `data:text/javascript,${encodeURIComponent(SPY)}`;
  const { status, stderr } = spawnSync(process.execPath, ["--import", spy, ...args], { cwd: root, encoding: "utf8" });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return z.array(z.string()).parse(JSON.parse(stderr.slice(stderr.lastIndexOf("loaded:") + "loaded:".length)));
}
