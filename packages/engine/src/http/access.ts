import { createHash } from "node:crypto";
import { decodeProtectedHeader, errors, jwtVerify, SignJWT, type JWTPayload, type JWTVerifyOptions } from "jose";
import { z } from "zod";
import { StratctlError, type Caller, type Scope } from "@stratctl/sdk/internal";
import { IssuerKeys } from "./keys.ts";
import type { Secret } from "./secret.ts";
import type { HttpSettings } from "./settings.ts";

/** Who calls, and with which token: what is limited is counted to the token. */
export interface TokenCaller extends Caller {
  /** SHA-256 of the token, since a token is nothing to keep; `jti` is not in every one. */
  readonly token_digest: string;
}

/** Who calls, by the header that he sent. Rejects with token_required, token_invalid, or server_busy where no keys can be had. */
export interface Verifier {
  verify(authorization: string | undefined): Promise<TokenCaller>;
}

type Settings = Pick<HttpSettings, "jwks_url" | "jwt_issuer" | "jwt_audience" | "jwt_algorithms" | "jwt_accounts_claim">;

/** Whom the tokens of `stratctl token` come from where the settings name no issuer. */
const LOCAL_ISSUER = "stratctl";
/** In a token of this machine's own secret: all accounts. An issuer elsewhere cannot say so. */
const ALL = "*";
const LEEWAY_S = 5;
const TOKEN_CHARS_MAX = 8_192;
const SCOPES: readonly Scope[] = ["read", "trade"];

const Subject = z.string().min(1).max(500);
const Accounts = z.array(z.union([z.string(), z.int().transform(String)])).default([]);
const Words = z.union([z.string().transform((text) => text.split(" ")), z.array(z.string())]).optional();

/**
 * Checks tokens. The algorithm that a token's header names decides what it is checked with: HS256 the server's secret, one of
 * `jwt_algorithms` the issuer's published keys, and nothing else is taken, so that a public key is never a secret. `exp` must be
 * there; `nbf` counts; five seconds of leeway. Issuer and audience are checked where they are configured, whoever signed the token.
 */
export function createVerifier(settings: Settings, secret: Secret, { now = Date.now }: { now?: () => number } = {}): Verifier {
  const keys = settings.jwks_url === undefined ? null : new IssuerKeys(settings.jwks_url, now);
  const callers = new KnownCallers();
  return {
    async verify(authorization) {
      const token = tokenOf(authorization);
      const digest = createHash("sha256").update(token).digest("base64url");
      const caller = callers.find(digest, now()) ?? (await callerBy(token));
      callers.keep(digest, caller, now());
      return { ...caller, token_digest: digest };
    },
  };

  async function callerBy(token: string): Promise<Caller> {
    const { alg } = headerOf(token);
    const options = optionsOf(settings, { isLocal: alg === "HS256" && secret.is_local, now_ms: now() });
    const payload = await checked(async () => {
      if (alg === "HS256") return (await jwtVerify(token, secret.key, { ...options, algorithms: ["HS256"] })).payload;
      if (keys === null || !settings.jwt_algorithms.some((known) => known === alg))
        throw new StratctlError("token_invalid", "the token is signed in a way that this server does not take");
      return (await jwtVerify(token, (header) => keys.find(header), { ...options, algorithms: settings.jwt_algorithms })).payload;
    });
    return callerOf(payload, {
      claim: settings.jwt_accounts_claim,
      isLocal: alg === "HS256" && secret.is_local,
      signer: alg === "HS256" ? "secret" : "issuer",
    });
  }
}

/** A token that was good is taken for so long without another look: no longer than it lasts, and a key that is withdrawn counts soon. */
const KNOWN_MS = 30_000;
/** Callers that are remembered, at most. */
const KNOWN_MAX = 5_000;

/**
 * Who called lately, by the digest of his token, since a token is nothing to keep. Checking a signature costs more than all else of
 * a small call.
 */
class KnownCallers {
  readonly #callers = new Map<string, { readonly caller: Caller; readonly until_ms: number }>();

  find(digest: string, now_ms: number): Caller | null {
    const known = this.#callers.get(digest);
    return known !== undefined && now_ms < known.until_ms ? known.caller : null;
  }

  keep(digest: string, caller: Caller, now_ms: number): void {
    if (this.find(digest, now_ms) !== null) return;
    if (this.#callers.size >= KNOWN_MAX) this.#callers.clear();
    this.#callers.set(digest, { caller, until_ms: Math.min(now_ms + KNOWN_MS, caller.expires_ms ?? now_ms) });
  }
}

export interface TokenClaims {
  readonly accounts: readonly string[] | "all";
  readonly scopes: readonly Scope[];
  readonly ttl_s: number;
  readonly now_ms: number;
  /** Who is named as the one who made a strategy. */
  readonly subject: string;
  /** Those of the server that it is for. */
  readonly settings: Settings;
}

/** A token of the server's secret: what `stratctl token` prints. */
export function mintToken(secret: Secret, { accounts, scopes, ttl_s, now_ms, subject, settings }: TokenClaims): Promise<string> {
  const issued_s = Math.floor(now_ms / 1000);
  const { jwt_accounts_claim, jwt_audience, jwt_issuer } = settings;
  const claims = { [jwt_accounts_claim]: accounts === "all" ? [ALL] : accounts, scope: scopes.join(" ") };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(jwt_issuer ?? LOCAL_ISSUER)
    .setSubject(subject)
    .setIssuedAt(issued_s)
    .setExpirationTime(issued_s + ttl_s);
  return (jwt_audience === undefined ? token : token.setAudience(jwt_audience)).sign(secret.key);
}

function tokenOf(authorization: string | undefined): string {
  const hint = "send Authorization: Bearer and a token, e.g. that of: stratctl token";
  if (authorization === undefined) throw new StratctlError("token_required", "this call wants a token", { hint });
  const [, token] = /^bearer +([\w.-]+)$/i.exec(authorization.trim()) ?? [];
  if (token === undefined) throw invalid("the Authorization header holds no bearer token", hint);
  if (token.length > TOKEN_CHARS_MAX) throw invalid(`the token is longer than ${TOKEN_CHARS_MAX} characters`);
  return token;
}

function headerOf(token: string): { alg?: string | undefined } {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw invalid("the token is not a JWT");
  }
}

function optionsOf(settings: Settings, { isLocal, now_ms }: { isLocal: boolean; now_ms: number }): JWTVerifyOptions {
  const { jwt_issuer, jwt_audience } = settings;
  const base = { clockTolerance: LEEWAY_S, currentDate: new Date(now_ms), requiredClaims: ["exp"] };
  const issuer = jwt_issuer ?? (isLocal ? LOCAL_ISSUER : undefined);
  return {
    ...base,
    ...(issuer === undefined ? {} : { issuer }),
    ...(jwt_audience === undefined ? {} : { audience: jwt_audience }),
  };
}

/** What jose says of a token, as a line of ours: never the token, nor what it claims. */
async function checked(work: () => Promise<JWTPayload>): Promise<JWTPayload> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StratctlError) throw error;
    if (error instanceof errors.JWTExpired) throw invalid("the token has expired", "get a new one, e.g. by: stratctl token");
    if (error instanceof errors.JWTClaimValidationFailed)
      throw invalid(CLAIMS.get(error.claim) ?? "a claim of the token is not as it must be");
    if (error instanceof errors.JWKSNoMatchingKey) throw invalid("the token is signed by a key that its issuer does not publish");
    if (error instanceof errors.JWSSignatureVerificationFailed) throw invalid("the token's signature is not good");
    // Also a key that its issuer publishes and that is none, or too short: nobody is let in by it.
    throw new StratctlError("token_invalid", "the token cannot be checked", { cause: error });
  }
}

const NO_END = "the token has no end (exp), as a number of seconds";

const CLAIMS: ReadonlyMap<string, string> = new Map([
  ["exp", NO_END],
  ["nbf", "the token is not good yet (nbf)"],
  ["iss", "the token is of another issuer (iss)"],
  ["aud", "the token is for another audience (aud)"],
  ["iat", "the token's time of issue (iat) is not a number"],
]);

interface Signed {
  readonly claim: string;
  readonly isLocal: boolean;
  /** Which kind of key the token was checked with. */
  readonly signer: "secret" | "issuer";
}

function callerOf(payload: JWTPayload, { claim, isLocal, signer }: Signed): Caller {
  const { iss, sub, exp, typ, scope, scp } = payload;
  if (!Number.isFinite(exp)) throw invalid(NO_END);
  if (typ === "refresh") throw invalid("a refresh token is for getting another, not for calls");
  const subject = Subject.safeParse(sub);
  if (!subject.success) throw invalid("the token does not say who calls (sub)");
  const accounts = Accounts.safeParse(payload[claim]);
  if (!accounts.success) throw invalid("the token's accounts are not a list of ids");
  const words = Words.safeParse(scope ?? scp ?? undefined);
  if (!words.success) throw invalid("the token's scopes are not words");
  return {
    subject: subject.data,
    // Two that name a subject alike are two: who holds the secret here is not whom the issuer vouches for.
    id: JSON.stringify([signer, iss ?? null, subject.data]),
    accounts: isLocal && accounts.data.includes(ALL) ? "all" : new Set(accounts.data),
    scopes: new Set(words.data === undefined ? SCOPES : SCOPES.filter((known) => words.data?.includes(known))),
    expires_ms: exp === undefined ? undefined : exp * 1000,
  };
}

function invalid(message: string, hint?: string): StratctlError {
  return new StratctlError("token_invalid", message, { hint });
}
