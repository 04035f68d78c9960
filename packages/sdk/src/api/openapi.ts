import type { z } from "zod";
import { assert } from "../errors.ts";
import { openProblems, problemsOf } from "./openapi/problems.ts";
import { LEFT_OUT } from "./left-out.ts";
import { inputFields, outputSchemas, schemaOf, type Json } from "./openapi/schemas.ts";
import { IdempotencyKey, routesOf, type Contract, type EventRoute, type Route } from "./route.ts";

/** What the contract does not know of the server. */
export interface DocumentParts {
  /** Of the server. */
  readonly version: string;
  /** What GET /health answers with. */
  readonly health: z.ZodType;
}

const TAGS: Readonly<Record<string, string>> = {
  accounts: "Trading accounts, from which strategies hang.",
  strategies: "A strategy is a named set of legs.",
  legs: "One instrument in a strategy: bought or sold, so many units, at a price.",
  fills: "Each entry and exit of a leg, one by one.",
  metrics: "The figures of exchange days, from candles and legs.",
  m2m: "What a strategy was worth: a candle a minute, and each sample as it is made.",
  marks: "What strategies are worth now.",
  instruments: "What exchanges list, as the dumps that were imported told it.",
  quotes: "Last traded prices.",
  server: "How the server does, and this document.",
};

const ABOUT = `Options strategies marked to market through every minute of the session.

Money is rupees as JSON numbers of at most four decimals; what is not known is null, never 0. Instants are ISO 8601 in UTC.
Lists are bare arrays. Every error is a problem (RFC 9457) whose \`code\` a program switches on. An answer may gain fields.`;

/** The contract as OpenAPI 3.1. */
export function openApi(contract: Contract, { version, health }: DocumentParts): Json {
  // Each by what the SDK calls it: `strategies.legs.add`.
  const routes = routesOf(contract).map(({ route, names }) => ({ route, name: names.join(".") }));
  const outputs = Object.fromEntries(routes.map(({ name, route }) => [name, route.output]));
  const { answers, components } = outputSchemas(outputs, { Health: health });
  const paths: Record<string, Record<string, Json>> = {};
  for (const { name, route } of routes) {
    const answer = answers[name];
    assert(answer !== undefined, `openapi: ${name} has no answer`);
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(name, route, answer);
  }
  // A path may have a call of the contract and one of the server's own: POST and GET /metrics.
  for (const [path, own] of Object.entries(serverPaths())) paths[path] = { ...paths[path], ...own };
  return {
    openapi: "3.1.0",
    info: { title: "stratctl", version, description: ABOUT, license: { name: "UNLICENSED", identifier: "LicenseRef-UNLICENSED" } },
    servers: [{ url: "." }],
    security: [{ token: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components, securitySchemes: { token: TOKEN }, parameters: PARAMETERS, headers: HEADERS },
  };
}

const TOKEN = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "What `stratctl token` prints, or a token of the issuer that the server is configured for.",
};

const PARAMETERS = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "Made anew by the client for each thing it adds: the same key again, within a day, adds nothing more and gives the same answer.",
    schema: schemaOf(IdempotencyKey),
    example: "7c0b2a9e-1d3f-4a58-9a51-0f6f3c7f0c11",
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    description: "The `id` of the last event seen: the stream goes on after it, or begins with the event `gap`.",
    schema: { type: "string", format: "date-time" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "The ETag of an answer at hand: where it is still the same, 304 without a body.",
    schema: { type: "string" },
  },
  RequestId: {
    name: "X-Request-ID",
    in: "header",
    description: "A name for this request, for the log; left out, the server makes one.",
    schema: { type: "string" },
  },
};

const HEADERS = {
  RequestId: { description: "The request's name in the server's log.", schema: { type: "string" } },
  RetryAfter: { description: "Seconds to wait before trying again.", schema: { type: "integer", minimum: 0 } },
  Challenge: { description: "That a bearer token is wanted, and what is wrong with the one given.", schema: { type: "string" } },
  Link: {
    description: 'The next page where this one is full: `</strategies?limit=100&cursor=42>; rel="next"`.',
    schema: { type: "string" },
  },
  ETag: { description: "Of history that is closed: it does not change any more.", schema: { type: "string" } },
};

function operation(name: string, route: Route | EventRoute, answer: Json): Json {
  const { fields, required } = inputFields(route.input);
  const named = (names: readonly string[]): [string, Json][] => names.map((field) => [field, fields[field] ?? {}]);
  const { path, query, body } = route.places;
  const parameters = [
    ...named(path).map(([field, schema]) => {
      const { description } = schema;
      const left_out = required.includes(field) ? {} : { description: `${String(description)} \`${LEFT_OUT}\`: left out.` };
      return parameter("path", field, { ...schema, ...left_out }, true);
    }),
    ...named(query).map(([field, schema]) => parameter("query", field, schema, required.includes(field))),
    ...headersOf(name, route),
  ];
  const content = { "application/json": { schema: bodySchema(named(body), required), example: bodyExample(named(body)) } };
  return {
    operationId: name,
    tags: [tagOf(name)],
    summary: route.summary.replaceAll("`", ""),
    description: `Needs the scope \`${route.scope}\`.`,
    parameters,
    ...(body.length === 0 ? {} : { requestBody: { required: body.some((field) => required.includes(field)), content } }),
    responses: { ...success(name, route, answer), ...problemsOf(route) },
  };
}

/** The innermost noun, legs of `strategies.legs.add`; what has none is about the server. */
function tagOf(name: string): string {
  const noun = name.split(".").at(-2) ?? "server";
  assert(noun in TAGS, `openapi: ${name} has no tag`);
  return noun;
}

function parameter(place: "path" | "query", name: string, given: Json, required: boolean): Json {
  const { description, examples, ...schema } = given;
  const [example] = Array.isArray(examples) ? examples : [];
  const list = schema["type"] === "array" ? { style: "form", explode: true } : {};
  return { name, in: place, required, description, ...(example === undefined ? {} : { example }), ...list, schema };
}

function headersOf(name: string, route: Route | EventRoute): Json[] {
  const own = route.kind === "events" ? ["LastEventId"] : route.method === "POST" ? ["IdempotencyKey"] : [];
  const history = name === "strategies.m2m.history" ? ["IfNoneMatch"] : [];
  return [...own, ...history, "RequestId"].map((header) => ({ $ref: `#/components/parameters/${header}` }));
}

function bodySchema(fields: readonly [string, Json][], required: readonly string[]): Json {
  const needed = fields.map(([field]) => field).filter((field) => required.includes(field));
  return {
    type: "object",
    properties: Object.fromEntries(fields),
    ...(needed.length > 0 ? { required: needed } : {}),
    additionalProperties: false,
  };
}

/** One that can be sent as it is: of quantity and lots, only quantity. */
function bodyExample(fields: readonly [string, Json][]): Json {
  const told = fields.filter(([field]) => field !== "lots");
  return Object.fromEntries(told.flatMap(([field, { examples }]) => (Array.isArray(examples) ? [[field, examples[0]]] : [])));
}

function success(name: string, route: Route | EventRoute, answer: Json): Json {
  const request_id = { "X-Request-ID": { $ref: "#/components/headers/RequestId" } };
  if (route.kind === "events") {
    return { 200: { description: STREAM, headers: request_id, content: { "text/event-stream": { schema: eventSchema(name, answer) } } } };
  }
  const link = name === "strategies.list" ? { Link: { $ref: "#/components/headers/Link" } } : {};
  const etag = name === "strategies.m2m.history" ? { ETag: { $ref: "#/components/headers/ETag" } } : {};
  const description = route.status === 201 ? "Added." : "Done.";
  const answered = { description, headers: { ...request_id, ...link, ...etag }, content: { "application/json": { schema: answer } } };
  return {
    [route.status]: answered,
    ...(name === "strategies.m2m.history" ? { 304: { description: "As at hand.", headers: request_id } } : {}),
  };
}

const STREAM =
  "Events one after another, each as the schema says, `data` as JSON; a comment every 15 s shows that the line is alive. `gap` tells of what is not known any more, `problem` why the stream ends. It ends with its token, too.";

function eventSchema(name: string, answer: Json): Json {
  const event = name === "marks.stream" ? "marks" : "mark";
  const of = (title: string, data: Json): Json => ({
    title,
    type: "object",
    properties: { event: { type: "string", const: title }, data },
    required: ["event", "data"],
  });
  const id = { type: "string", format: "date-time", description: "The instant of the event, for Last-Event-ID." };
  const seen = of(event, answer);
  return {
    oneOf: [
      { ...seen, properties: { id, ...Object(seen["properties"]) } },
      of("gap", { $ref: "#/components/schemas/StreamGap" }),
      of("problem", { $ref: "#/components/schemas/Problem" }),
    ],
  };
}

/** What the server answers beside the contract: no token needed. */
function serverPaths(): Readonly<Record<string, Readonly<Record<string, Json>>>> {
  const open = (operationId: string, summary: string, responses: Json) => ({
    get: {
      operationId,
      tags: ["server"],
      summary,
      security: [],
      responses: { ...responses, ...openProblems(["rate_limited", "internal"]) },
    },
  });
  const health = { "application/json": { schema: { $ref: "#/components/schemas/Health" } } };
  const text = { "text/plain": { schema: { type: "string" } } };
  return {
    "/health": open("server.health", "Whether the server can do its job", {
      200: { description: "It can.", content: health },
      503: { description: "It cannot: the body says what is wrong.", content: health },
    }),
    "/live": open("server.live", "Whether a restart would not mend it: the loop turns, whatever the database does", {
      200: { description: "It turns: `ok`.", content: text },
      503: { description: "It stands: a line says for how long.", content: text },
    }),
    "/metrics": open("server.metrics", "Figures for Prometheus; no name or id of an account", {
      200: { description: "The text format of Prometheus.", content: text },
    }),
    "/openapi.json": open("server.openapi", "This document", {
      200: { description: "OpenAPI 3.1.", content: { "application/json": { schema: { type: "object" } } } },
    }),
  };
}
