import { along, type Knots } from "./knots.ts";
import { randomStream } from "./random.ts";

/** A made-up index through one session, second by second. */
export interface IndexPath {
  /** Points at an instant; between two seconds on the line between them. */
  readonly levelAt: (at_ms: number) => number;
  /** What options at the money are priced with: a year's volatility, 0.11 is 11 %. */
  readonly volatilityAt: (at_ms: number) => number;
}

export interface IndexDay {
  readonly seed: number;
  readonly open_ms: number;
  readonly close_ms: number;
  readonly previous_close: number;
}

/** The day's story in percent of the opening level: a drop in the first minutes, its recovery, a lull, a trend, a close below the high. */
const STORY: Knots = [
  [0, 0],
  [0.05, -0.3],
  [0.16, 0.02],
  [0.3, -0.07],
  [0.55, -0.03],
  [0.82, 0.6],
  [1, 0.42],
];

/** How nervous the index is at each share of the session, against the day as a whole. */
const NERVES: Knots = [
  [0, 2.4],
  [0.05, 1.3],
  [0.2, 0.8],
  [0.35, 0.4],
  [0.55, 0.4],
  [0.65, 0.9],
  [0.85, 0.9],
  [1, 1.5],
];

/** What the noise around the story would add up to in a year of such days. */
const NOISE = 0.07;
const SECONDS_IN_A_YEAR = 252 * 22_500;

const CALM = 0.108;
/** Volatility paid for the first minutes, and what a fall of 1 adds: one of 1 % makes it 0.6 points dearer. */
const OPENING = 0.012;
const FEAR = 0.6;

export function indexPath({ seed, open_ms, close_ms, previous_close }: IndexDay): IndexPath {
  const random = randomStream(seed, "index");
  const second_count = (close_ms - open_ms) / 1000;
  const turn = random.uniform() < 0.5 ? -1 : 1; // half of the seeds tell the story upside down
  const reach = 0.8 + 0.4 * random.uniform();
  const opening = previous_close * (1 + 0.0025 * random.normal());
  const levels = new Float64Array(second_count + 1);
  const volatilities = new Float64Array(second_count + 1);
  let noise = 0;
  let mood = 0;
  for (let second = 0; second <= second_count; second += 1) {
    const share = second / second_count;
    const told = (turn * reach * along(STORY, share)) / 100 + noise;
    levels[second] = opening * Math.exp(told);
    volatilities[second] = CALM + OPENING * Math.exp(-share / 0.03) - FEAR * told + mood;
    noise += along(NERVES, share) * (NOISE / Math.sqrt(SECONDS_IN_A_YEAR)) * random.normal();
    mood += -mood / 900 + 0.00006 * random.normal(); // comes back within a quarter of an hour
  }
  const between = (values: Float64Array, at_ms: number): number => {
    const exact = Math.min(Math.max((at_ms - open_ms) / 1000, 0), second_count);
    const before = Math.floor(exact);
    const [from = NaN, to = from] = values.subarray(before, before + 2);
    return from + (to - from) * (exact - before);
  };
  return { levelAt: (at_ms) => between(levels, at_ms), volatilityAt: (at_ms) => between(volatilities, at_ms) };
}
