/** A line through points, by ascending share of the session (0 to 1). */
export type Knots = readonly (readonly [share: number, value: number])[];

/** The value of the line at a share; beyond its ends that of the end. */
export function along(knots: Knots, share: number): number {
  const next = knots.findIndex(([at]) => at >= share);
  const [to, high] = knots.at(next) ?? [0, 0];
  const [from, low] = knots[next - 1] ?? [to, high];
  return to === from ? high : low + ((high - low) * Math.min(share - from, to - from)) / (to - from);
}
