import type { Cluster, Redis } from "ioredis";
import { setImmediate as nextTurn } from "node:timers/promises";
import { KnownValues } from "./known-values.ts";
import { encodedMget, firstKey, hasToken, openMget, secondKey, type Mget } from "./redis-mget.ts";
import type { InstrumentRef, QuoteSink } from "./source.ts";
import { untilAborted } from "./until-aborted.ts";

/** MGETs that are sent to a node at once, before the event loop gets its turn; each costs some microseconds and has one to ten keys. */
const MGETS_A_TURN = 200;
/** So many times that are under way at each node. */
const UNDER_WAY = 4;

/** Instruments whose keys lie in one slot: MGET takes no others together. */
interface Group {
  readonly slot: number;
  readonly places: readonly number[];
  readonly keys: readonly string[];
  readonly bytes: Buffer;
}

/** What is known of an instrument in a read. */
const UNANSWERED = 0;
const NO_KEY = 1;
const REFUSED = 2;
const PRICE = 3;

/** One read. */
interface Reading {
  readonly cluster: Cluster;
  readonly mget: Mget;
  readonly tell: ReturnType<KnownValues["into"]>;
  readonly end: AbortSignal;
  /** By place. */
  readonly state: Uint8Array;
  /** Why groups were not answered. */
  readonly failures: unknown[];
}

/**
 * The keys of a list of instruments on a cluster, by slot: grouped and encoded once a list, sent to the nodes that have
 * them, all nodes at once. A node that is away or silent costs its own keys; one that says that a slot has moved is
 * believed.
 */
export class ClusterKeys {
  readonly #instruments: readonly InstrumentRef[];
  readonly #values: KnownValues;
  #first_keys: Promise<readonly Group[]> | null = null;
  /** The keys of tokens that were asked for last: those of the same instruments are asked for a second later. */
  #second_keys: { readonly places: readonly number[]; readonly groups: Promise<readonly Group[]> } = {
    places: [],
    groups: Promise.resolve([]),
  };

  constructor(instruments: readonly InstrumentRef[], options: { allow_mock: boolean }) {
    this.#values = new KnownValues(options);
    this.#instruments = instruments;
  }

  /** Tells the sink what the keys hold. Rejects where no node answered. */
  async read(cluster: Cluster, sink: QuoteSink, end: AbortSignal): Promise<void> {
    const state = new Uint8Array(this.#instruments.length);
    const reading: Reading = { cluster, mget: await openMget(), tell: this.#values.into(sink), end, state, failures: [] };
    await untilAborted(end, this.#readBothKeys(reading)).catch((error: unknown) => reading.failures.push(error));
    if (state.every((known) => known === UNANSWERED)) throw reading.failures[0] ?? new Error("no node answers");
    for (const [place, known] of state.entries()) {
      if (known === UNANSWERED) sink.absent(place, "its node does not answer");
      if (known === NO_KEY) sink.absent(place, "no key");
    }
  }

  async #readBothKeys(reading: Reading): Promise<void> {
    const places = [...this.#instruments.keys()];
    this.#first_keys ??= grouped(places, (place) => firstKey(this.#instruments[place] ?? NOTHING));
    await readGroups(reading, await this.#first_keys);
    const left = places.filter((place) => reading.state[place] !== PRICE && hasToken(this.#instruments[place]));
    await readGroups(reading, await this.#secondKeys(left));
  }

  #secondKeys(places: readonly number[]): Promise<readonly Group[]> {
    const { places: before } = this.#second_keys;
    if (before.length !== places.length || before.some((place, offset) => place !== places[offset]))
      this.#second_keys = { places, groups: grouped(places, (place) => secondKey(this.#instruments[place])) };
    return this.#second_keys.groups;
  }
}

/** The places by the slots of their keys: some milliseconds a thousand, so the event loop gets its turns. */
async function grouped(places: readonly number[], keyOf: (place: number) => string): Promise<Group[]> {
  const { Command } = await import("ioredis");
  const by_slot = new Map<number, { places: number[]; keys: string[] }>();
  for (const [count, place] of places.entries()) {
    if (count % 1_000 === 0) await nextTurn();
    const key = keyOf(place);
    const slot = new Command("get", [key]).getSlot();
    const group = by_slot.get(slot) ?? { places: [], keys: [] };
    by_slot.set(slot, group);
    group.places.push(place);
    group.keys.push(key);
  }
  const groups: Group[] = [];
  for (const [slot, group] of by_slot) {
    if (groups.length % 1_000 === 0) await nextTurn();
    groups.push({ slot, ...group, bytes: encodedMget(group.keys) });
  }
  return groups;
}

async function readGroups(reading: Reading, groups: readonly Group[]): Promise<void> {
  const of_node = Map.groupBy(groups, nodesOf(reading.cluster));
  await Promise.all([...of_node].map(([node, of_it]) => readNode(reading, node, of_it)));
}

/** Which node has a group's slot, as far as the client knows; null where it is not connected to any. */
function nodesOf(cluster: Cluster): (group: Group) => Redis | null {
  const by_name = new Map(cluster.nodes("master").map((node) => [`${node.options.host}:${node.options.port}`, node]));
  return ({ slot }) => by_name.get(cluster.slots[slot]?.[0] ?? "") ?? null;
}

/** What is still to be asked of a node that failed is not. */
async function readNode(reading: Reading, node: Redis | null, groups: readonly Group[]): Promise<void> {
  if (node === null) return;
  const turn_count = Math.ceil(groups.length / MGETS_A_TURN);
  const queue = Array.from({ length: turn_count }, (_, turn) => groups.slice(turn * MGETS_A_TURN, (turn + 1) * MGETS_A_TURN)).values();
  let goes_on = true;
  const readSome = async (): Promise<void> => {
    for (const turn of queue) {
      const answered = await Promise.all(turn.map((group) => readGroup(reading, node, group)));
      await nextTurn();
      goes_on &&= !answered.includes(false) && !reading.end.aborted;
      if (!goes_on) return;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, readSome));
}

/** False where it was not answered. */
async function readGroup(reading: Reading, node: Redis, { places, keys, bytes }: Group): Promise<boolean> {
  const { cluster, mget, tell, end, state, failures } = reading;
  try {
    const values = await mget(node, bytes).catch((error: unknown) => {
      if (!hasMoved(error)) throw error;
      // The client follows, and learns where the slot is now.
      return cluster.mgetBuffer([...keys]);
    });
    if (end.aborted) return false;
    for (const [offset, place] of places.entries()) {
      const value = values[offset];
      if (value instanceof Buffer) state[place] = tell(place, value) ? PRICE : REFUSED;
      else if (state[place] !== REFUSED) state[place] = NO_KEY;
    }
    return true;
  } catch (error) {
    failures.push(error);
    return false;
  }
}

function hasMoved(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|ASK|TRYAGAIN) /.test(error.message);
}

const NOTHING: InstrumentRef = { instrument: "", exchange: "", tradingsymbol: "", instrument_token: null };
