import { StratctlError } from "../errors.ts";

/** The source as a whole did not answer; `why` is short and holds no secret. */
export function unavailable(source: string, why: string): StratctlError {
  return new StratctlError("source_unavailable", `${source}: ${why}`, { details: { source, why } });
}

/** The words for what a socket, a resolver or TLS reports, by its code. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection cut",
  EPIPE: "connection cut",
  UND_ERR_SOCKET: "connection cut",
  ENOTFOUND: "name not found",
  EAI_AGAIN: "name not found",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "host unreachable",
  ENOENT: "no such socket",
  EACCES: "socket not permitted",
  ETIMEDOUT: "no answer",
  UND_ERR_CONNECT_TIMEOUT: "no answer",
  UND_ERR_HEADERS_TIMEOUT: "no answer",
  UND_ERR_BODY_TIMEOUT: "no answer",
  UND_ERR_RES_EXCEEDED_MAX_SIZE: "answer too long",
};

/** Why a source did not answer, in a few words; `secrets` never appear in it. */
export function reasonOf(error: unknown, secrets: readonly string[] = []): string {
  if (error instanceof StratctlError && typeof error.details["why"] === "string") return error.details["why"];
  if (!(error instanceof Error)) return "no answer";
  const code = codeOf(error) ?? codeOf(error.cause);
  const words = code === null ? error.message : (WORDS[code] ?? error.message);
  return secrets.reduce((text, secret) => (secret === "" ? text : text.replaceAll(secret, "***")), words).slice(0, 200);
}

/** The password of a URL, as it is written and as it is meant: neither may be shown. */
export function secretsOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decoded(password)];
}

/** Percent signs turned back into what they stand for; a text with one that stands for nothing is left as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
