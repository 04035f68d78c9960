import type { FastifyInstance } from "fastify";
import { StratctlError } from "@stratctl/sdk/internal";

/** More than the longest description, note and list of tags together. */
export const BODY_BYTES_MAX = 64 * 1024;

/** Inputs are flat, with lists of text at most; deeper than this is nobody's input, and would be work for all who print it. */
const DEPTH_MAX = 8;

/** Bodies are JSON objects in application/json; none at all is as good as an empty one, whatever its type is said to be. */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    const encoding = request.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") return done(unsupported(`a body in ${encoding}`));
    try {
      done(null, parsed(Buffer.from(bytes)));
    } catch (error) {
      done(error instanceof Error ? error : null);
    }
  });
  app.addContentTypeParser("*", { parseAs: "buffer" }, (request, bytes, done) => {
    if (bytes.length === 0) done(null, undefined);
    else done(unsupported(`a body of ${request.headers["content-type"] ?? "no type"}`));
  });
}

function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  if (bytes.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new StratctlError("input_invalid", "the body is not JSON", { hint: 'write it like {"name": "condor"}, in UTF-8', cause });
  }
  if (!isRecord(value))
    throw new StratctlError("input_invalid", "the body must be a JSON object", { hint: 'write it like {"name": "condor"}' });
  if (!isWithin(value, DEPTH_MAX)) throw new StratctlError("input_invalid", `the body is nested deeper than ${DEPTH_MAX} levels`);
  return value;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function isWithin(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return left > 0 && Object.values(value).every((inner) => isWithin(inner, left - 1));
}

function unsupported(what: string): StratctlError {
  return new StratctlError("media_type_unsupported", `${what.slice(0, 120)} is not taken here`, {
    hint: "send JSON, with Content-Type: application/json",
  });
}
