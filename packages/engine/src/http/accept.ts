import { StratctlError } from "@stratctl/sdk/internal";

/** Refuses a request that would not take an answer of that media type; without an Accept header all is taken. */
export function assertAccepted(accept: string | undefined, media_type: string): void {
  if (accept === undefined || accept.trim() === "" || quality(accept, media_type) > 0) return;
  throw new StratctlError("not_acceptable", `the answer is ${media_type}, which the Accept header rules out`, {
    hint: `send Accept: ${media_type}, or none`,
  });
}

/** What the closest of the ranges says: the type itself before its family, and that before any. */
function quality(accept: string, media_type: string): number {
  const family = media_type.slice(0, media_type.indexOf("/"));
  const ranges = accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    return { type, q: q === undefined ? 1 : Number(q.slice(2)) };
  });
  const closest = [media_type, `${family}/*`, "*/*"].flatMap((type) => ranges.find((range) => range.type === type) ?? []);
  return closest[0]?.q ?? 0;
}
