import { z } from "zod";
import { ERRORS, StratctlError, type ErrorCode } from "../errors.ts";

const CODES = Object.keys(ERRORS);
const isCode = (text: string): text is ErrorCode => CODES.includes(text);

/**
 * An error on the wire: application/problem+json (RFC 9457). `detail` is one readable line, always: older clients show it as it
 * is. A fault of ours says no more than that there is one.
 */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string().nullable(),
  /** Every bad field of path, query and body at once. */
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  /** Values at hand: the candidates, the accounts there are. */
  details: z.record(z.string(), z.unknown()).optional(),
  request_id: z.string(),
});
export type Problem = z.infer<typeof Problem>;

/** The error that a problem tells: the same class, code, message, hint and details as where it was thrown. */
export function errorOf(problem: Problem): StratctlError {
  const details = {
    ...problem.details,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
    request_id: problem.request_id,
  };
  // A later server may know codes that this client does not.
  const code = isCode(problem.code) ? problem.code : "answer_invalid";
  return new StratctlError(code, problem.detail, { hint: problem.hint ?? undefined, details });
}
