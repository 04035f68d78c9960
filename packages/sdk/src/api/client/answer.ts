import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import type { EventRoute, Route } from "../route.ts";

/** A year of minutes is some 50 MiB; what is longer than this is no answer of ours. */
export const ANSWER_BYTES_MAX = 256 * 2 ** 20;

/** Problems are a few lines; a proxy's page may be longer, and then is none. */
export const PROBLEM_BYTES_MAX = 2 ** 20;

/** The whole body as text, unpacked; null where it is longer than that, and then the rest is not taken. */
export async function textOf(body: Readable, encoding: string | string[] | undefined, bytes_max: number): Promise<string | null> {
  const plain = encoding === "gzip" ? unpacked(body) : body;
  const chunks: Uint8Array[] = [];
  let byte_count = 0;
  try {
    for await (const chunk of plain) {
      if (!(chunk instanceof Uint8Array)) continue;
      byte_count += chunk.length;
      if (byte_count > bytes_max) return null;
      chunks.push(chunk);
    }
    return new TextDecoder().decode(Buffer.concat(chunks));
  } finally {
    if (!body.readableEnded) body.destroy();
  }
}

/** Not `pipeline`: an error of the connection must arrive as it is, not as that of a stream closed too early. */
function unpacked(body: Readable): Readable {
  const gunzip = createGunzip();
  body.once("error", (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}

/** What an answer or an event says, as the route has it. Throws `answer_invalid`, which names the route and the first bad field. */
export function parseAnswer<Output extends z.ZodType>(
  route: Route<z.ZodType, Output> | EventRoute<z.ZodType, Output>,
  text: string,
): z.output<Output> {
  const called = `${route.method} ${route.path}`;
  const result = route.output.safeParse(parsedJson(called, text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.map(String).join(".") ?? "";
  const why = issue?.message ?? "";
  throw invalid(called, { field, why }, `${field === "" ? "" : `${field}: `}${why}`);
}

export function parsedJson(called: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(called, {}, "it is not JSON");
  }
}

export function invalid(called: string, details: Readonly<Record<string, unknown>>, why: string): StratctlError {
  return new StratctlError("answer_invalid", `the answer to ${called} is not one of stratctl's: ${why}`, {
    hint: "is the URL that of a stratctl server, and is it of this version?",
    details: { route: called, ...details },
  });
}
