import { z } from "zod";
import { Account } from "../../model/account.ts";
import { Candle } from "../../model/candle.ts";
import { Fill, FillAdded } from "../../model/fill.ts";
import { Gap } from "../../model/gap.ts";
import { Leg, LegAdded, LegNotice, LegWarning, Quantity, StrategyWithLegs } from "../../model/leg.ts";
import { Listing } from "../../model/listing.ts";
import { Mark } from "../../model/mark.ts";
import { DayMetrics, MetricsRebuilt, Performance, Positions } from "../../model/metrics.ts";
import { Price } from "../../model/money.ts";
import { Quote } from "../../model/quote.ts";
import { Settled } from "../../model/settlement.ts";
import { Status } from "../../model/status.ts";
import { Strategy } from "../../model/strategy.ts";
import { Problem } from "../problem.ts";
import { StreamGap } from "../route.ts";
import { wordsFor } from "./fields.ts";

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type Json = Readonly<Record<string, unknown>>;

/** Schemas with a name of their own under components. */
const NAMED = {
  Account,
  Strategy,
  StrategyWithLegs,
  Leg,
  LegAdded,
  LegNotice,
  LegWarning,
  Listing,
  Fill,
  FillAdded,
  Candle,
  DayMetrics,
  Performance,
  Positions,
  MetricsRebuilt,
  Gap,
  Mark,
  Quote,
  Settled,
  Status,
  Problem,
  StreamGap,
};

const Loose = z.record(z.string(), z.unknown());

const INSTANT: Json = {
  anyOf: [
    { type: "string", format: "date-time" },
    { type: "integer", minimum: 0, maximum: 9_999_999_999_999 },
  ],
};

/** What a program may send, where zod can only tell it to whoever runs it. By the field's name. */
const TAKES: Readonly<Record<string, Json>> = {
  name: { type: "string", minLength: 1, maxLength: 200, pattern: "\\D" },
  direction: { type: "string", enum: ["BUY", "SELL"] },
  side: { type: "string", enum: ["BUY", "SELL"] },
  now: { type: "boolean" },
  i: { type: "array", items: { type: "string", minLength: 1 }, minItems: 1, maxItems: 500 },
  from_time: INSTANT,
  to_time: INSTANT,
  at: INSTANT,
};

/** The answers of routes by their names, and what they refer to. */
export function outputSchemas(
  outputs: Readonly<Record<string, z.ZodType>>,
  named: Readonly<Record<string, z.ZodType>>,
): { answers: Readonly<Record<string, Json>>; components: Readonly<Record<string, Json>> } {
  const metadata = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ ...NAMED, ...named })) metadata.add(schema, { id });
  const all = z.object({ ...outputs, "": z.object({ ...NAMED, ...named }) });
  const { properties, $defs } = z.toJSONSchema(all, { io: "output", metadata, override: told });
  const answers = Object.entries(Loose.parse(properties)).filter(([name]) => name !== "");
  return {
    answers: Object.fromEntries(answers.map(([name, schema]) => [name, worded(schema, name)])),
    components: Object.fromEntries(Object.entries($defs ?? {}).map(([name, schema]) => [name, worded(schema, name)])),
  };
}

/** What a route takes, field by field as JSON has it, and which of them it cannot do without. */
export function inputFields(input: z.ZodType): { fields: Readonly<Record<string, Json>>; required: readonly string[] } {
  const schema = z.toJSONSchema(input, { io: "input", override: told });
  const { properties } = Loose.parse(worded({ ...schema, properties: { ...schema.properties, ...taken(schema.properties ?? {}) } }, ""));
  const fields = Object.entries(Loose.parse(properties ?? {})).map(([name, field]) => [name, Loose.parse(field)] as const);
  return { fields: Object.fromEntries(fields), required: schema.required ?? [] };
}

/** What one value may be, as JSON has it. */
export function schemaOf(schema: z.ZodType): Json {
  return worded(z.toJSONSchema(schema, { io: "input" }), "");
}

function taken(fields: Json): Json {
  return Object.fromEntries(Object.entries(TAKES).filter(([name]) => name in fields));
}

/** Rules that zod knows as functions. */
function told({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (Object.is(zodSchema, Quantity)) Object.assign(jsonSchema, { type: "integer", minimum: 1, maximum: 2_147_483_647 });
  if (!Object.is(zodSchema, Price)) return;
  delete jsonSchema.minimum;
  jsonSchema.exclusiveMinimum = 0;
}

/** A schema with the words of its fields, references as OpenAPI has them, and without what zod's own bounds add. */
function worded(schema: unknown, owner: string): Json {
  return Loose.parse(rewritten(schema, owner));
}

function rewritten(value: unknown, owner: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => rewritten(entry, owner));
  if (typeof value === "string") return value.replace("#/$defs/", "#/components/schemas/");
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key, entry]) => isKept(key, entry, value));
  return Object.fromEntries(
    kept.map(([key, entry]) => [key, key === "properties" ? describedFields(Loose.parse(entry), owner) : rewritten(entry, owner)]),
  );
}

/** Dates have a format, which says what their long patterns say. An answer may gain fields: that breaks no reader. */
function isKept(key: string, entry: unknown, schema: object): boolean {
  if (key === "pattern") return !("format" in schema);
  if (key === "minimum" || key === "maximum") return Math.abs(Number(entry)) !== Number.MAX_SAFE_INTEGER;
  return !["$schema", "additionalProperties", "id", "title"].includes(key) || (key === "additionalProperties" && entry !== false);
}

function describedFields(fields: Json, owner: string): Json {
  return Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => {
      const words = wordsFor(owner, name);
      const examples = words?.example === undefined ? {} : { examples: [words.example] };
      return [name, { ...worded(schema, owner), ...(words === null ? {} : { description: words.description, ...examples }) }];
    }),
  );
}
