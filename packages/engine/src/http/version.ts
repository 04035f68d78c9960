import { readFileSync } from "node:fs";
import { z } from "zod";

/** The version of the engine that serves. */
export function serverVersion(): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))).version;
}
