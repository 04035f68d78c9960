import type { Status, Stratctl } from "@stratctl/sdk";
import { skewFinding, standingFindings } from "./database.ts";
import { ANSWER_MS_MAX, ok, warn, type Finding } from "./finding.ts";

interface Asked {
  readonly url: string;
  readonly connect: () => Promise<Stratctl>;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** A server, by what it tells of an account: whether it answers and takes the token, its clock, and who marks. */
export async function lookAtServer({ url, connect, signal, now }: Asked): Promise<Finding[]> {
  const api = await connect();
  const asked_ms = now();
  const status = await api.status({}, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]) });
  const answered_ms = now();
  const skew_ms = Date.parse(status.at) - (asked_ms + answered_ms) / 2;
  return [
    ok("server", `${url} answers for ${status.account_id}, after ${answered_ms - asked_ms} ms`),
    skewFinding(skew_ms, { unsure_ms: (answered_ms - asked_ms) / 2, of: "the server's" }),
    ...standingFindings(status.engines),
    ...sourceFindings(status),
    ...status.warnings.map((text) => warn("warning", text, "stratctl status")),
  ];
}

/** As the engines that lead see them. */
function sourceFindings({ engines }: Status): Finding[] {
  const sources = engines.flatMap(({ is_leading, standing }) => (is_leading ? (standing?.sources ?? []) : []));
  return sources.map(({ name, up, reason }) =>
    up === false
      ? warn(name, `is away for the engine${reason === null ? "" : `: ${reason}`}`, "stratctl doctor where the daemon runs")
      : ok(name, up === true ? "answers the engine" : "was not asked yet"),
  );
}
