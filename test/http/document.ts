import { z } from "zod";

/** The OpenAPI document as a reader of it sees it. */

const Json = z.record(z.string(), z.unknown());

const Parameter = z.object({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  required: z.boolean().default(false),
  description: z.string().optional(),
  schema: Json,
});
export type Parameter = z.infer<typeof Parameter>;

const Content = z.record(z.string(), z.object({ schema: Json }));
const Response = z.object({ description: z.string(), headers: Json.optional(), content: Content.optional() });
const Described = z.object({
  operationId: z.string(),
  security: z.array(z.unknown()).optional(),
  parameters: z.array(z.unknown()).default([]),
  requestBody: z.object({ required: z.boolean(), content: Content }).optional(),
  responses: z.record(z.string(), Response),
});

export interface Operation extends Omit<z.infer<typeof Described>, "parameters"> {
  readonly method: string;
  readonly path: string;
  /** Those that are referred to among them. */
  readonly parameters: readonly Parameter[];
}

export function operationsOf(document: unknown): Operation[] {
  const { paths } = z.object({ paths: z.record(z.string(), z.record(z.string(), Described)) }).parse(document);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      method: method.toUpperCase(),
      path,
      parameters: described.parameters.map((given) => Parameter.parse(resolved(document, given))),
    })),
  );
}

/** The operation that a request reaches, whatever was meant: a path without braces goes before one with, and a slash at the end is nothing. */
export function operationAt(operations: readonly Operation[], method: string, url: string): Operation | null {
  const [path = ""] = url.split(/[?#]/);
  const asked = method === "HEAD" ? "GET" : method;
  const found = operations.filter((one) => one.method === asked && patternOf(one.path).test(path));
  return found.find((one) => !one.path.includes("{")) ?? found[0] ?? null;
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}/?$`);
}

/** What a `$ref` within the document leads to; anything else as it is. */
function resolved(document: unknown, given: unknown): unknown {
  const ref = z.object({ $ref: z.string() }).safeParse(given).data?.$ref;
  if (ref === undefined) return given;
  const steps = ref.split("/").slice(1);
  return steps.reduce<unknown>((value, step) => Json.parse(value)[step], document);
}
