import { readFileSync } from "node:fs";

/** Of stratctl, as its package says. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const isKnown = typeof manifest === "object" && manifest !== null && "version" in manifest && typeof manifest.version === "string";
  return isKnown ? String(manifest.version) : "unknown";
}
