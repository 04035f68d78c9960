import type { Status } from "@stratctl/sdk";
import type { DbSession, MigrationStatus } from "@stratctl/sdk/internal";
import { ANSWER_MS_MAX, fail, ok, warn, type Finding } from "./finding.ts";

interface Asked {
  /** Null for the built-in database. */
  readonly url: string | null;
  readonly now: () => number;
}

/** The database, without starting or changing it: whether it answers, its tables, its clock, and who marks. */
export async function lookAtDatabase({ url, now }: Asked): Promise<Finding[]> {
  const { embeddedStatus } = await import("@stratctl/sdk/internal");
  if (url !== null) return lookByUrl(url, { is_ours: false, now });
  const { state, folder, url: running } = await embeddedStatus();
  if (running !== null) return lookByUrl(running, { is_ours: true, now });
  const told = state === "absent" ? `none yet in ${folder}` : `the built-in one in ${folder} does not run`;
  return [warn("database", told, "the next command that needs it starts it, or stratctl db start")];
}

async function lookByUrl(url: string, { is_ours, now }: { is_ours: boolean; now: () => number }): Promise<Finding[]> {
  const { openDatabase } = await import("@stratctl/sdk/internal");
  const database = await openDatabase({ url }, { as_it_is: true });
  // A session ends at once, also that of a server that went silent.
  const session = await database.session({ name: "stratctl doctor", timeout_ms: ANSWER_MS_MAX - 1_000 });
  try {
    return await lookBySession(session, { address: database.address, is_ours, now });
  } finally {
    session.drop();
  }
}

/** Fewer than this many connections left: a daemon and a few commands take them. */
const CONNECTIONS_SPARE = 10;

async function lookBySession(
  session: DbSession,
  { address, is_ours, now }: { address: string; is_ours: boolean; now: () => number },
): Promise<Finding[]> {
  const { migrationStatus, serverFacts } = await import("@stratctl/sdk/internal");
  const { version, is_read_only, connections, connections_max } = await serverFacts(session);
  const where = `${is_ours ? "the built-in one" : address}, Postgres ${version}`;
  const server = is_read_only
    ? fail("database", `${where}, takes no writes`, { advice: "give the URL of the primary", code: "database_refused" })
    : connections_max - connections < CONNECTIONS_SPARE
      ? warn("database", `${where}, ${connections} of ${connections_max} connections are taken`, "raise its max_connections")
      : ok("database", where);
  const tables = await migrationStatus(session);
  return [
    server,
    tablesFinding(tables, is_ours),
    ok("timescaledb", tables.timescaledb ?? "not installed: candles are a plain table"),
    await clockFinding(session, now),
    ...(tables.state === "current" ? await engineFindings(session) : []),
  ];
}

function tablesFinding({ state, applied, pending, differences }: MigrationStatus, is_ours: boolean): Finding {
  const migrate = "stratctl db migrate";
  if (state === "current") return ok("migrations", `up to date, ${applied.at(-1) ?? ""}`);
  if (state === "newer")
    return fail("migrations", "made by a newer version of stratctl", { advice: "install that version", code: "database_newer" });
  if (state === "foreign")
    return fail("migrations", `tables of the same names that are not stratctl's: ${differences.join("; ")}`, {
      advice: "give the URL of another database",
      code: "database_foreign",
    });
  const told = state === "older" ? "the tables of an older system" : state === "empty" ? "no tables yet" : `lacks ${pending.join(", ")}`;
  if (is_ours && state !== "older") return warn("migrations", told, `the next command brings them, or ${migrate}`);
  return fail("migrations", told, { advice: migrate, code: "database_behind" });
}

/** Prices are judged by the machine's clock, and leaders by the database's. */
const SKEW_MS_WARN = 1_000;
const SKEW_MS_FAIL = 30_000;

async function clockFinding(session: DbSession, now: () => number): Promise<Finding> {
  const { serverClock } = await import("@stratctl/sdk/internal");
  const asked_ms = now();
  const at_ms = await serverClock(session);
  const answered_ms = now();
  return skewFinding(at_ms - (asked_ms + answered_ms) / 2, { unsure_ms: (answered_ms - asked_ms) / 2, of: "the database's" });
}

/** How far another clock is from ours, as well as its answer tells. */
export function skewFinding(skew_ms: number, { unsure_ms, of }: { unsure_ms: number; of: string }): Finding {
  const least_ms = Math.max(0, Math.abs(skew_ms) - unsure_ms);
  const told = `${of} is ${(Math.abs(skew_ms) / 1000).toFixed(1)} s ${skew_ms > 0 ? "ahead of" : "behind"} this machine's`;
  const advice = "let NTP set both: timedatectl set-ntp true";
  if (least_ms >= SKEW_MS_FAIL) return fail("clock", told, { advice, code: "database_refused" });
  return least_ms >= SKEW_MS_WARN ? warn("clock", told, advice) : ok("clock", `within a second of ${of}`);
}

async function engineFindings(session: DbSession): Promise<Finding[]> {
  const { engines } = await import("@stratctl/sdk/internal");
  return standingFindings(await engines(session));
}

/** Who marks, and what is not well with it. */
export function standingFindings(engines: Status["engines"]): Finding[] {
  if (engines.length === 0) return [warn("engine", "none ran yet: nothing is marked", "stratctl daemon, or stratctl daemon install")];
  return engines.map(({ shard, of, holder, is_leading, seen_at, standing }) => {
    const part = of === 1 ? "" : `shard ${shard}/${of}: `;
    if (!is_leading) {
      const last = seen_at === null ? `${holder} left` : `${holder} was last seen ${seen_at}`;
      return warn("engine", `${part}nobody marks; ${last}`, "stratctl daemon, or stratctl daemon install");
    }
    const troubles = standing?.degraded ?? [];
    if (troubles.length > 0) return warn("engine", `${part}${holder} marks, and says: ${troubles.join("; ")}`, "stratctl status");
    return ok("engine", `${part}${holder} marks${standing === null ? "" : `, strategies: ${standing.strategy_count}`}`);
  });
}
