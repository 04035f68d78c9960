/** What happens to a daemon through a session, at random: the same for the same seed. */
export interface Fault {
  readonly lane: "redis" | "ticker" | "database" | "clock" | "process";
  readonly kind: string;
  /** Seconds after the start of the soak. */
  readonly at_s: number;
  /** How long it lasts; for a clock how far it is set, ahead or (negative) back. */
  readonly for_s: number;
}

interface Lane {
  readonly kinds: readonly string[];
  /** Between two faults, in minutes of a whole session. */
  readonly apart_min: readonly [number, number];
  readonly for_s: readonly [number, number];
}

const LANES: Readonly<Record<Fault["lane"], Lane>> = {
  redis: { kinds: ["refused", "silent"], apart_min: [2, 20], for_s: [3, 100] },
  ticker: { kinds: ["slow", "5xx"], apart_min: [2, 20], for_s: [10, 200] },
  database: { kinds: ["refused", "silent", "read-only", "terminated", "stopped"], apart_min: [2, 12], for_s: [3, 150] },
  clock: { kinds: ["ahead", "back"], apart_min: [8, 30], for_s: [3, 100] },
  process: { kinds: ["killed", "stopped"], apart_min: [15, 50], for_s: [1, 40] },
};

/** The last minutes are left for all to be well again. */
const QUIET_S = 180;

export function soakPlan({ seed, minutes, kills }: { seed: number; minutes: number; kills: boolean }): Fault[] {
  const random = mulberry32(seed);
  const between = ([from, to]: readonly [number, number]): number => from + random() * (to - from);
  // A short session has its part of every kind as well.
  const pace = minutes < 60 ? 0.25 : 1;
  const faults: Fault[] = [];
  for (const lane of ["redis", "ticker", "database", "clock", "process"] as const) {
    if (lane === "process" && !kills) continue;
    const { kinds, apart_min, for_s } = LANES[lane];
    for (let at_s = between(apart_min) * 60 * pace; ;) {
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "";
      const length_s = Math.ceil(between(for_s) * (minutes < 60 ? 0.5 : 1));
      if (at_s + length_s > minutes * 60 - QUIET_S) break;
      faults.push({ lane, kind, at_s: Math.floor(at_s), for_s: kind === "back" ? -length_s : length_s });
      at_s += length_s + between(apart_min) * 60 * pace;
    }
  }
  return faults.toSorted((a, b) => a.at_s - b.at_s);
}

/** A small generator of random numbers, 0 ≤ n < 1, whose state is 32 bits. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
