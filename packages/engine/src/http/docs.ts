import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { contract, openApi } from "@stratctl/sdk/internal";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Health } from "./health.ts";
import { serverVersion } from "./version.ts";

const require = createRequire(import.meta.url);

/** GET /openapi.json, and GET /docs: a page that renders it, with nothing from another host. No token is needed for either. */
export async function mountDocs(app: FastifyInstance): Promise<void> {
  const document = JSON.stringify(openApi(contract, { version: serverVersion(), health: Health }));
  app.get("/openapi.json", (_, reply) => reply.type("application/json").send(document));
  app.get("/docs", (_, reply) => sendPage(reply, "text/html; charset=utf-8", PAGE));
  // Of a page with a slash at its end the browser would look for everything a folder too low.
  app.get("/docs/", (_, reply) => reply.redirect("../docs"));
  app.get("/docs/page.css", (_, reply) => sendPage(reply, "text/css; charset=utf-8", STYLE));
  app.get("/docs/page.js", (_, reply) => sendPage(reply, "text/javascript; charset=utf-8", SCRIPT));
  const folder = path.dirname(require.resolve("swagger-ui-dist/package.json"));
  for (const [name, type] of ASSETS) {
    let content: Promise<Buffer> | undefined;
    app.get(`/docs/${name}`, async (_, reply) => {
      content ??= readFile(path.join(folder, name));
      return reply
        .type(type)
        .header("cache-control", "public, max-age=3600")
        .send(await content);
    });
  }
}

/** Of swagger-ui-dist, as they are. */
const ASSETS = [
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
] as const;

/** Everything from this server but pictures within the style sheet; nothing may put the page, where tokens are typed, in a frame. */
const POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'";

function sendPage(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply
    .type(type)
    .header("content-security-policy", POLICY)
    .header("x-content-type-options", "nosniff")
    .header("referrer-policy", "no-referrer")
    .send(text);
}

/** Every address is relative to the page, which may lie behind a proxy's prefix. */
const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stratctl: the REST API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/page.js"></script>
</body>
</html>
`;

const STYLE = `body { margin: 0; background: #fafafa; }
`;

/** The token stays in this page and goes when it is closed. No badge: it would be drawn by another host. */
const SCRIPT = `SwaggerUIBundle({
  url: "openapi.json",
  domNode: document.getElementById("page"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
});
`;
