/** Numbers that look random and are the same on every run. */
export interface Random {
  /** Even over [0, 1). */
  readonly uniform: () => number;
  /** Of the standard normal distribution. */
  readonly normal: () => number;
  /** How many events there are where `mean` are expected. */
  readonly poisson: (mean: number) => number;
}

/**
 * A stream that its seed and its name fix. Each thing of the market draws from a stream of its own name, so that one more
 * instrument changes no other's prices.
 */
export function randomStream(seed: number, name: string): Random {
  const uniform = sfc32(hash(`${seed}/${name}`));
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()); // Box and Muller
  return { uniform, normal, poisson: (mean) => poisson(mean, uniform) };
}

/** Knuth's: multiply even numbers until they fall below e^−mean. Fit for the small means of a second. */
function poisson(mean: number, uniform: () => number): number {
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > floor; product *= uniform()) count += 1;
  return count;
}

/** Chris Doty-Humphrey's sfc32 (PractRand), after the twelve rounds that mix its seed. */
function sfc32([first, second, third]: readonly [number, number, number]): () => number {
  let a = first;
  let b = second;
  let c = third;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** Three words of FNV-1a, each from another start. */
function hash(text: string): [number, number, number] {
  const word = (start: number): number => {
    let value = start;
    for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
    return value;
  };
  return [word(0x811c9dc5), word(0x9747b28c), word(0x5bd1e995)];
}
