import type { Api } from "./contract.ts";
import { withEach } from "./each.ts";
import { accountCalls } from "./service/accounts.ts";
import type { Context } from "./service/context.ts";
import { fillCalls } from "./service/fills.ts";
import { gapCalls } from "./service/gaps.ts";
import { historyCalls } from "./service/history.ts";
import { instrumentCalls } from "./service/instruments.ts";
import { legCalls } from "./service/legs.ts";
import { markCall } from "./service/marks.ts";
import { metricsCalls, rebuildCall } from "./service/metrics.ts";
import { quoteCalls } from "./service/quotes.ts";
import { settleCall } from "./service/settlement.ts";
import { statusCall } from "./service/status.ts";
import { accountStream, strategyStream } from "./service/streams.ts";
import { strategyCalls } from "./service/strategies.ts";

/** The contract over a database and the sources of prices: the rules are here, whoever calls. */
export function createService(context: Context): Api {
  return withEach({
    accounts: accountCalls(context),
    strategies: {
      ...strategyCalls(context),
      ...metricsCalls(context),
      mark: markCall(context),
      legs: legCalls(context),
      fills: fillCalls(context),
      m2m: { ...historyCalls(context), ...gapCalls(context), stream: strategyStream(context) },
    },
    marks: { stream: accountStream(context) },
    metrics: { rebuild: rebuildCall(context) },
    settle: settleCall(context),
    status: statusCall(context),
    instruments: instrumentCalls(context),
    quotes: quoteCalls(context),
  });
}
