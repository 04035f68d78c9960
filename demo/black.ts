/** What an option is worth by Black's formula, in rupees a unit. */
export interface OptionValue {
  readonly call: number;
  readonly put: number;
}

export interface OptionTerms {
  /** Of the underlying for the day of expiry. */
  readonly forward: number;
  readonly strike: number;
  readonly years: number;
  /** A year's: 0.12 is 12 %. */
  readonly volatility: number;
  readonly rate: number;
}

/**
 * Black (1976): call = e^(−rate·years) · (forward·N(d1) − strike·N(d2)), and the put by parity:
 * call − put = e^(−rate·years) · (forward − strike).
 */
export function blackValue({ forward, strike, years, volatility, rate }: OptionTerms): OptionValue {
  const discount = Math.exp(-rate * years);
  const spread = volatility * Math.sqrt(years);
  const d1 = Math.log(forward / strike) / spread + spread / 2;
  const call = discount * (forward * normalBelow(d1) - strike * normalBelow(d1 - spread));
  return { call, put: call - discount * (forward - strike) };
}

/** N(x) to about fifteen digits: Hart's rational approximation, as Graeme West gives it (2005, "Better approximations to cumulative normal functions"). */
export function normalBelow(x: number): number {
  const size = Math.abs(x);
  if (size > 37) return x > 0 ? 1 : 0;
  const tail = size < 7.07106781186547 ? hart(size) : continued(size);
  return x > 0 ? 1 - tail : tail;
}

const ABOVE = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931, 220.206867912376,
];
const BELOW = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831, 793.826512519948,
  440.413735824752,
];

function hart(size: number): number {
  const polynomial = (terms: readonly number[]): number => terms.reduce((sum, term) => sum * size + term, 0);
  return (Math.exp((-size * size) / 2) * polynomial(ABOVE)) / polynomial(BELOW);
}

function continued(size: number): number {
  const fraction = [4, 3, 2, 1].reduce((rest, step) => size + step / rest, size + 0.65);
  return Math.exp((-size * size) / 2) / fraction / 2.506628274631;
}
