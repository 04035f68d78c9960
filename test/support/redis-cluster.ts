import { Redis } from "ioredis";
import { freePort, startRedis } from "./redis.ts";
import { until } from "./server.ts";

export interface RedisCluster extends AsyncDisposable {
  /** Of one of the nodes, as a user would give it. */
  readonly url: string;
  /** A connection to each node, in the order of their slots. */
  readonly nodes: readonly Redis[];
  readonly slotOf: (key: string) => Promise<number>;
  /** The number of the node that had the key's slot at the start. */
  readonly nodeOf: (key: string) => Promise<number>;
  /** Sets keys, each on that node. */
  readonly set: (values: Readonly<Record<string, string>>) => Promise<void>;
  /** Stops a node as a machine that hangs, or ends it as one that lost power. */
  readonly signal: (node: number, signal: "SIGSTOP" | "SIGCONT" | "SIGKILL") => void;
}

const SLOT_COUNT = 16_384;

/** A Redis Cluster of masters without replicas, that goes on without one of them; the slots in equal parts. */
export async function startRedisCluster(node_count: number): Promise<RedisCluster> {
  const bus_ports = await Promise.all(Array.from({ length: node_count }, freePort));
  const servers = await Promise.all(
    bus_ports.map((port) =>
      startRedis(["--cluster-enabled", "yes", "--cluster-port", String(port), "--cluster-node-timeout", "2000", ...GOES_ON]),
    ),
  );
  const nodes = servers.map(({ socket }) => new Redis(socket));
  for (const node of nodes) node.on("error", () => undefined);
  const pids = await Promise.all(nodes.map(async (node) => Number(/process_id:(\d+)/.exec(await node.info("server"))?.[1])));
  const slotFrom = (node: number): number => Math.ceil((SLOT_COUNT * node) / node_count);
  for (const [number, node] of nodes.entries()) {
    await node.cluster("ADDSLOTSRANGE", slotFrom(number), slotFrom(number + 1) - 1);
    const port = servers[number]?.port ?? 0;
    if (number > 0) await nodes[0]?.call("CLUSTER", "MEET", "127.0.0.1", port, bus_ports[number] ?? 0);
  }
  for (const node of nodes)
    await until(
      () => knowsAll(node, node_count),
      () => "a node does not know the others",
    );
  const [first] = nodes;
  if (first === undefined) throw new Error("a cluster of no nodes");
  const slotOf = async (key: string): Promise<number> => first.cluster("KEYSLOT", key);
  const nodeOf = async (key: string): Promise<number> => {
    const slot = await slotOf(key);
    return nodes.findLastIndex((_, number) => slotFrom(number) <= slot);
  };
  return {
    url: servers[0]?.url ?? "",
    nodes,
    slotOf,
    nodeOf,
    set: async (values) => {
      await Promise.all(Object.entries(values).map(async ([key, value]) => nodes[await nodeOf(key)]?.set(key, value)));
    },
    signal: (node, signal) => process.kill(pids[node] ?? Number.NaN, signal),
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) node.disconnect();
      await Promise.all(servers.map(({ stop }) => stop()));
    },
  };
}

/** Otherwise the nodes that are left refuse every key while one is away. */
const GOES_ON = ["--cluster-require-full-coverage", "no"];

async function knowsAll(node: Redis, node_count: number): Promise<void> {
  const info = await node.cluster("INFO");
  if (!info.includes("cluster_state:ok") || !info.includes(`cluster_size:${node_count}`)) throw new Error(info);
}
