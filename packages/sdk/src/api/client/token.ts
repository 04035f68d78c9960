import { StratctlError } from "../../errors.ts";

/** Where the token of each attempt comes from. */
export interface TokenSource {
  /** A token that was refused once may be made anew. */
  readonly renews: boolean;
  /** The value of the header, or null where there is no token. */
  readonly authorization: (signal: AbortSignal | undefined) => Promise<string | null>;
}

export interface TokenOptions {
  readonly token?: string | undefined;
  /** Asked before each attempt: tokens that live for minutes, or that somebody else renews. */
  readonly getToken?: ((options: { readonly signal?: AbortSignal | undefined }) => string | Promise<string>) | undefined;
}

/** Held in a closure: what is printed or logged of a client shows no token. Throws `token_invalid`. */
export function tokenSource({ token, getToken }: TokenOptions): TokenSource {
  if (getToken !== undefined) return { renews: true, authorization: async (signal) => bearer(await made(getToken, signal)) };
  const header = token === undefined ? null : bearer(token);
  return { renews: false, authorization: () => Promise.resolve(header) };
}

/** Errors of ours pass; of others the words may be secret, and are the cause alone. */
async function made(getToken: NonNullable<TokenOptions["getToken"]>, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await getToken({ signal });
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof StratctlError) throw cause;
    throw new StratctlError("token_required", "getToken() failed", { hint: "its own error is the cause", cause });
  }
}

function bearer(token: unknown): string {
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token.trim())) return `Bearer ${token.trim()}`;
  throw new StratctlError("token_invalid", "the token is empty or holds characters that no token has", {
    hint: "mint one where the server runs: stratctl token",
  });
}
