import type { Cluster } from "ioredis";
import { tellText } from "./price.ts";
import { firstKey, hasToken, secondKey } from "./redis-blocks.ts";
import type { InstrumentRef, QuoteSink } from "./source.ts";

/** Value of the key at `index`; null where there is none, with the reason if it is not that the key is missing. */
type Each = (index: number, value: string | null, why?: string) => void;

export async function readCluster(cluster: Cluster, instruments: readonly InstrumentRef[], sink: QuoteSink): Promise<void> {
  const left: number[] = [];
  const refused = new Set<number>();
  await get(cluster, instruments.map(firstKey), (index, value, why) => {
    if (value !== null && tellText(sink, index, value)) return;
    if (value !== null) refused.add(index);
    if (hasToken(instruments[index])) left.push(index);
    else if (value === null) sink.absent(index, why ?? "no key");
  });
  await get(
    cluster,
    left.map((index) => secondKey(instruments[index])),
    (place, value, why) => {
      const index = left[place] ?? -1;
      if (value !== null && tellText(sink, index, value)) return;
      if (value === null && !refused.has(index)) sink.absent(index, why ?? "no key");
    },
  );
}

/** GETs, since MGET takes keys of one slot only; the client sends them as one pipeline a node. A node that is away costs its own keys. */
async function get(cluster: Cluster, keys: readonly string[], each: Each): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    keys.map((key, index) =>
      cluster.get(key).then(
        (value) => each(index, value),
        (error: unknown) => {
          if (isOfType(error)) return each(index, null);
          failures.push(error);
          each(index, null, "its node does not answer");
        },
      ),
    ),
  );
  if (failures.length > 0 && failures.length === keys.length) throw failures[0];
}

function isOfType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("WRONGTYPE ");
}
