import * as accounts from "../../store/account.ts";
import { contract, type Api } from "../contract.ts";
import { accountOf, ownIds, requireNames } from "./access.ts";
import { adding } from "./adding.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";

export function accountCalls(context: Context): Api["accounts"] {
  const { list, get, create } = contract.accounts;
  return {
    list: call(context, list, () => accounts.list(context.database, { among: ownIds(context) })),
    get: call(context, get, ({ account_id }) => accountOf(context, account_id)),
    create: adding(context, create, {
      access: async ({ account_id, aliases = [] }) => {
        requireNames(context, [account_id, ...aliases]);
        return { account_id };
      },
      work: (account, { write }) => write((db) => accounts.insert(db, account)),
    }),
  };
}
