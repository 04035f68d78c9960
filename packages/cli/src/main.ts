#!/usr/bin/env node
import { runProcess } from "./process.ts";

// Node ends when nothing is left to wait for. Where the command has set no status by then, it has lost its way.
process.once("beforeExit", () => {
  if (process.exitCode !== undefined) return;
  process.stderr.write("stratctl: fault in stratctl: the command came to no end\n");
  process.exitCode = 1;
});
// Not awaited: in the bundle, files that are loaded lazily import from this one, and each would wait for the other.
void runProcess(process);
