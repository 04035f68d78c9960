import { z } from "zod";
import { Basis, isLoopback, parseInput, StratctlError } from "@stratctl/sdk/internal";

/** Whole numbers come as text from a config file or the environment; an empty text is not 0. */
export const whole = (min: number, max: number) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .trim()
          .regex(/^\d{1,9}$/)
          .transform(Number),
      ],
      { error: `must be a whole number from ${min} to ${max}` },
    )
    .pipe(
      z
        .int({ error: `must be a whole number from ${min} to ${max}` })
        .min(min)
        .max(max),
    );

/** A list, or text with commas between its entries. */
const listOf = <Entry extends z.ZodType<string, string>>(entry: Entry) =>
  z
    .union([z.array(z.string()), z.string().transform((text) => text.split(","))])
    .transform((entries) => entries.map((one) => one.trim()).filter((one) => one !== ""))
    .pipe(z.array(entry));

const Origin = z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  error: "is not an origin; write it like https://desk.example:3001, without a path",
});

/** Keys that come over a network as they are could be anybody's. */
const KeysUrl = z
  .url({ protocol: /^https?$/, error: "is not a URL; write it like https://users.example/.well-known/jwks.json" })
  .refine((text) => URL.canParse(text) && (new URL(text).protocol === "https:" || isLoopback(new URL(text).hostname)), {
    error: "must be https:// unless it is of this machine",
  });

/** What signs a token with a key of its own; HS256 is for the shared secret and is not chosen. */
const Algorithm = z.enum(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]);

/** How the daemon serves HTTP; a config file and the environment give each as text. */
export const HttpSettings = z.strictObject({
  /** The address to listen on: this machine only unless told otherwise. */
  host: z.string().trim().min(1).default("127.0.0.1"),
  /** 0: any free port. */
  port: whole(0, 65_535).default(8081),
  /** What open, high, low and close of a history are of where a call does not say: `pnl` is the line that the older system drew. */
  m2m_basis: Basis.default("m2m"),
  /** Pages of these origins may call from a browser; none: no page may. */
  cors_origins: listOf(Origin).default([]),
  /** Where the keys of tokens that somebody else signs are. */
  jwks_url: KeysUrl.optional(),
  jwt_issuer: z.string().trim().min(1).optional(),
  jwt_audience: z.string().trim().min(1).optional(),
  jwt_algorithms: listOf(Algorithm).default(["RS256", "ES256", "EdDSA"]),
  /** The claim that lists the accounts of a token, by id or alias. */
  jwt_accounts_claim: z.string().trim().min(1).default("acct_ids"),
  /** A file with a secret of one's own for HS256; left out, one is made on first use. */
  jwt_secret_file: z.string().trim().min(1).optional(),
  /** Requests a minute of one token, or of one address without a good one. */
  rate_limit: whole(1, 999_999_999).default(1200),
});
export type HttpSettings = z.infer<typeof HttpSettings>;

/** Settings from text, as a config file or the environment has them; input_invalid names the key: `http.port must be …`. */
export function parseHttpSettings(given: Readonly<Record<string, unknown>>): HttpSettings {
  try {
    return parseInput(HttpSettings, given);
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    throw new StratctlError(error.code, `http.${error.message}`, {
      hint: "stratctl config list shows what is set",
      details: error.details,
    });
  }
}
