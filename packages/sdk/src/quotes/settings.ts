import { z } from "zod";

/** Sources that can be asked for prices; `pubsub` is what Redis publishes, held as it comes. */
const NAMES = ["redis", "ticker", "pubsub"] as const;

/** Text as a variable or a file gives it, as the number that it stands for; anything else is judged as it is. */
const numberOf = (value: unknown): unknown => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value);
const number = (schema: z.ZodNumber) => z.preprocess<unknown, z.ZodNumber, number | string>(numberOf, schema);

const SWITCH: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};
const switchOf = (value: unknown): unknown => (typeof value === "string" ? (SWITCH[value.trim().toLowerCase()] ?? value) : value);

/** Names with commas between them, or a list of them. */
const list = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => (typeof given === "string" ? given.split(",") : given).map((part) => part.trim()).filter((part) => part !== ""));

const text = z.string().trim().min(1, { error: "is empty" });

const deadline = number(
  z.number({ error: "is not a number of milliseconds" }).int({ error: "is not whole" }).min(10, { error: "is below 10" }).max(60_000),
);

/** `10.0.0.1:26379`, `sentinel-1`, `[::1]:26379`; the port is 26379 where it is left out. */
const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/;
const SENTINEL_PORT = 26_379;

export interface SentinelAddress {
  readonly host: string;
  readonly port: number;
}

function addressOf(given: string): SentinelAddress | null {
  const [found, host, port = String(SENTINEL_PORT)] = HOST_PORT.exec(given) ?? [];
  if (found === undefined || host === undefined || Number(port) < 1 || Number(port) > 65_535) return null;
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

const sentinels = list.transform((given, context) =>
  given.flatMap((one) => {
    const address = addressOf(one);
    if (address === null) context.addIssue({ code: "custom", message: `names ${one}, which is not host:port`, input: given });
    return address ?? [];
  }),
);

const order = list
  .transform((given, context) =>
    given.flatMap((one) => {
      const name = NAMES.find((known) => known === one);
      if (name === undefined)
        context.addIssue({ code: "custom", message: `names ${one}, which is none of ${NAMES.join(", ")}`, input: given });
      return name ?? [];
    }),
  )
  .refine((names) => names.length > 0, { error: "names no source" })
  .refine((names) => new Set(names).size === names.length, { error: "names a source twice" });

/**
 * All that can be set about where prices come from, by the names under `sources.` in the configuration; each as text or
 * as what it stands for. URLs are set beside it (`redis_url`, `ticker_url`).
 */
export const SourceSettings = z
  .strictObject({
    /** The order in which sources are asked: each about what those before it did not give. */
    order: order.default(["redis", "ticker"]),
    /** The most that Redis may take of a sample; an equal share of the time where it is left out. Milliseconds. */
    redis_deadline_ms: deadline.optional(),
    /** The same of the ticker service. */
    ticker_deadline_ms: deadline.optional(),
    /** Sentinels that know where the master is, instead of the host in redis_url: `host:port,host:port`. */
    redis_sentinels: sentinels.optional(),
    /** The name under which they know it. */
    redis_master: text.optional(),
    /** The password of the sentinels themselves, where they ask for one: a file that only its owner can read. */
    redis_sentinel_password_file: text.optional(),
    /** The password of Redis, instead of one in redis_url: a file that only its owner can read. */
    redis_password_file: text.optional(),
    /** Certificates, PEM, of the authorities that Redis' certificate may be signed by; rediss:// only. */
    redis_ca_file: text.optional(),
    /** Path of a form that takes many instruments a request, as `/quote/ltp?i=NFO:A&i=NFO:B`; one a request where it is left out. */
    ticker_batch_path: text.regex(/^\/[^?#\s]*$/, { error: "is not a path like /quote/ltp" }).optional(),
    /** Requests a second to the ticker service, at most. */
    ticker_requests_per_second: number(z.number({ error: "is not a number" }).min(0.01).max(10_000)).default(100),
    /** The longest wait that a Retry-After of it is obeyed for. Milliseconds. */
    ticker_retry_after_ms_max: number(
      z.number({ error: "is not a number of milliseconds" }).int({ error: "is not whole" }).min(1_000).max(3_600_000),
    ).default(60_000),
    /** Channels of Redis' pub/sub that prices come on. */
    pubsub_channels: list.pipe(z.array(z.string()).min(1, { error: "names no channel" })).optional(),
    /** Whether a quote that calls itself made up (`is_mock`) is a price. */
    allow_mock: z
      .preprocess<unknown, z.ZodBoolean, boolean | string>(switchOf, z.boolean({ error: "is neither true nor false" }))
      .default(false),
    /** A price that is further than this from the last one, in percent of it, waits for a second quote; `off`. */
    jump_percent_max: z
      .preprocess<unknown, z.ZodNullable<z.ZodNumber>, number | string | null>(
        (value) => (value === "off" ? null : numberOf(value)),
        z.number({ error: "is neither a number of percent nor off" }).positive({ error: "is not above 0" }).max(1_000_000).nullable(),
      )
      .default(null),
  })
  .superRefine((settings, context) => {
    const wants = (key: string, other: string): void => context.addIssue({ code: "custom", path: [key], message: `needs ${other}` });
    if (settings.order.includes("pubsub") && settings.pubsub_channels === undefined)
      wants("order", "pubsub_channels where it names pubsub");
    if (settings.redis_sentinels !== undefined && settings.redis_master === undefined) wants("redis_sentinels", "redis_master");
    if (settings.redis_master !== undefined && settings.redis_sentinels === undefined) wants("redis_master", "redis_sentinels");
    if (settings.redis_sentinel_password_file !== undefined && settings.redis_sentinels === undefined)
      wants("redis_sentinel_password_file", "redis_sentinels");
  });
export type SourceSettings = z.infer<typeof SourceSettings>;
/** As they are given: text where they come from a variable or a file. */
export type SourceSettingsInput = z.input<typeof SourceSettings>;

/** Its keys, as they stand under `sources.`. */
export const SOURCE_KEYS = Object.keys(SourceSettings.shape);

/**
 * What the environment sets: STRATCTL_SOURCES_ORDER is `order`. A variable that is set to nothing is not set.
 */
export function sourcesOfEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    SOURCE_KEYS.flatMap((key) => {
      const value = env[`STRATCTL_SOURCES_${key.toUpperCase()}`];
      return value === undefined || value === "" ? [] : [[key, value]];
    }),
  );
}
