import { UNKNOWN_ACCOUNT } from "./accounts-strategies.ts";
import { NOBODY, strangers } from "./legs-history.ts";
import { first, refusal, type Step } from "./world.ts";

/** Streams that do not begin. */
export const STREAMS_REFUSED: readonly Step[] = [
  ...strangers("strategies.m2m.stream", ({ api }, key) => first(1, api.strategies.m2m.stream(key))),
  {
    call: "strategies.m2m.stream",
    what: "of an archived one",
    run: ({ api }, id) => first(1, api.strategies.m2m.stream({ strategy_id: id("shelved") })),
    tells: refusal("strategy_archived"),
  },
  {
    call: "strategies.m2m.stream",
    what: "after what is no instant",
    run: ({ api }, id) => first(1, api.strategies.m2m.stream({ strategy_id: id("legs") }, { after: "noon" })),
    tells: refusal("input_invalid", "after"),
  },
  { call: "marks.stream", what: "of nobody", run: ({ api }) => first(1, api.marks.stream(NOBODY)), tells: UNKNOWN_ACCOUNT },
  { call: "marks.stream", what: "of which account?", run: ({ api }) => first(1, api.marks.stream({})), tells: refusal("account_required") },
];
