import { openPool } from "../../packages/sdk/src/store/db.ts";
import { startApi } from "../support/api.ts";

/** A server in a process of its own, in whatever zone its environment says: tells its address and a token, and ends on SIGTERM. */
const [database_url = ""] = process.argv.slice(2);
const db = await openPool(database_url);
const api = await startApi({ db, now: () => Date.parse("2026-11-25T02:00:00Z") });
process.on("SIGTERM", () => void api.close().then(() => db.close()));
process.stdout.write(`${JSON.stringify({ url: api.url, token: await api.token(), zone: new Date(0).getTimezoneOffset() })}\n`);
