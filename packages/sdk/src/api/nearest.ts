import { distance } from "fastest-levenshtein";

/** The candidate that a mistyped word most likely meant, in any case: at most a third of its letters off. Null where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const lower = word.toLowerCase();
  const [best] = candidates
    .map((candidate) => ({ candidate, off: distance(lower, candidate.toLowerCase()) }))
    .filter(({ candidate, off }) => off <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)))
    .toSorted((a, b) => a.off - b.off);
  return best?.candidate ?? null;
}
