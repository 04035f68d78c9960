import { setFlagsFromString } from "node:v8";

/**
 * Keeps the part of the heap where objects are made as small as it is now, for the rest of the process. Reading a large book makes V8
 * grow it to 130 MB, and it is never given back: a sample's short-lived objects need little of it, and the collector has pauses
 * as long as it is large. The flag is asked each time V8 would grow it, so that it counts in a running process too, where
 * `--max-semi-space-size` no longer does.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
