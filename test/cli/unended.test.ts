import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/source.ts";

/** An SDK that never answers and keeps nothing open, as where a promise has been forgotten. */
const SILENT = `
import { registerHooks } from "node:module";
const source = "export const connect = () => new Promise(() => undefined); export const builtinCalendar = () => undefined";
const isSdk = (url) => url.endsWith("/sdk/src/index.ts");
registerHooks({ load: (url, context, next) => isSdk(url) ? { format: "module", source, shortCircuit: true } : next(url, context) });
`;

test("a command that comes to no end is a fault, never a success", () => {
  const main = path.join(root, "packages", "cli", "src", "main.ts");
  const silent = `data:text/javascript,${encodeURIComponent(SILENT)}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", silent, main, "account", "list"], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: "stratctl: fault in stratctl: the command came to no end\n",
  });
});
