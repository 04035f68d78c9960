import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./support/source.ts";

/** What a clone must not carry: where one machine keeps its files, and which registry served it. */

const names = committed();
if (names === null) console.warn("skipped: not a git clone, so it is not known which files are committed");

const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  // A home folder, or a checkout's, as a path begins: after a quote, a blank, or "file:".
  ["a path of one machine", /(?<=^|[\s"'`(=]|file:\/*)\/(?:home\/[a-z]|Users\/[a-z]|root\/|work\/)/im],
  ["a host of a package registry", /\b(?:registry|npm|packages|deb|archive|mirrors?)\.[\w-]+\.(?:org|com|net|io|dev)\b/i],
  ["the address a package was fetched from", /\btarball:/],
];

/** What only this machine knows to be its own; a clone in a folder of the root (/src) has a path too short to look for. */
const here = [...(root.lastIndexOf("/") > 0 ? [root] : []), ...registry()];

describe("every committed file", () => {
  test.skipIf(names === null)("names neither a path of this machine nor a registry", () => {
    const found = (names ?? []).flatMap((name) => faults(readFileSync(path.join(root, name), "utf8")).map((fault) => `${name}: ${fault}`));
    expect(found).toEqual([]);
  });

  test.for([
    ["/", "home/someone/stratctl"],
    ["see /", "root/notes"],
    ["https://registry", ".npmjs.org/zod"],
    ["    tar", "ball: https://example.test/zod.tgz"],
    ["cd ", root],
  ])("would be told of %s…", ([first, rest]) => {
    expect(faults(`x\n${first}${rest}\n`)).not.toEqual([]);
  });

  test.for(["~/.local/share/stratctl", "/usr/lib/postgresql", "../work/notes", "homework/x"])("may name %s", (text) => {
    expect(faults(`x "${text}"\n`)).toEqual([]);
  });
});

function faults(text: string): string[] {
  const general = FORBIDDEN.flatMap(([what, pattern]) => {
    const match = pattern.exec(text);
    return match ? [`${what} ("${match[0]}")`] : [];
  });
  return [...general, ...here.filter((mine) => text.includes(mine)).map((mine) => `"${mine}"`)];
}

/** Null outside a git clone, as in an unpacked archive. */
function committed(): string[] | null {
  try {
    const list = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return list.split("\0").filter((name) => name !== "" && existsSync(path.join(root, name)));
  } catch {
    return null;
  }
}

/** The host that packages come from on this machine. */
function registry(): string[] {
  const { stdout } = spawnSync("npm", ["config", "get", "registry"], { cwd: root, encoding: "utf8" });
  const host = URL.parse((stdout ?? "").trim())?.host;
  return host === undefined ? [] : [host];
}
