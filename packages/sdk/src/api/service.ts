import type { Api } from "./contract.ts";
import { accountCalls } from "./service/accounts.ts";
import type { Context } from "./service/context.ts";
import { historyCalls } from "./service/history.ts";
import { legCalls } from "./service/legs.ts";
import { markCall } from "./service/marks.ts";
import { quoteCalls } from "./service/quotes.ts";
import { strategyCalls } from "./service/strategies.ts";

/** The contract over a database and the sources of prices: the rules are here, whoever calls. */
export function createService(context: Context): Api {
  return {
    accounts: accountCalls(context),
    strategies: { ...strategyCalls(context), mark: markCall(context), legs: legCalls(context), m2m: historyCalls(context) },
    quotes: quoteCalls(context),
  };
}
