import { expect, test } from "vitest";
import { heldIn } from "./backfill.ts";

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 25, 4, minute)).toISOString();
const leg = (id: number, added: number, closed: number | null) => ({
  id,
  strategy_id: 7,
  exchange: "NFO",
  added_at: at(added),
  closed_at: closed === null ? null : at(closed),
});

/** Minutes that count how often they are gone through. */
class Minutes extends Set<number> {
  walked = 0;
  override [Symbol.iterator](): SetIterator<number> {
    this.walked += 1;
    return super[Symbol.iterator]();
  }
}

test("a leg is held in a minute from the one it was there at the start of, until it was closed; each minute is looked at once", () => {
  const minutes = new Minutes([3, 4, 5, 9].map((minute) => Date.parse(at(minute))));
  const others = Array.from({ length: 50 }, (_, place) => leg(100 + place, 9, null));
  const legs = [leg(1, 0, 3), leg(2, 0, 4), leg(3, 5, 6), leg(4, 6, 9), leg(5, 9, null), leg(6, 10, null), leg(7, 0, null), ...others];
  const held = heldIn(legs, new Map([[7, minutes]]));
  expect(held.map(({ id }) => id).filter((id) => id < 100)).toEqual([2, 3, 5, 7]);
  expect(held).toHaveLength(54);
  expect(minutes.walked).toBe(1);
  expect(heldIn([{ ...leg(1, 0, null), strategy_id: 8 }], new Map([[7, minutes]]))).toEqual([]);
});
