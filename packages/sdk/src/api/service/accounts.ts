import * as accounts from "../../store/account.ts";
import { contract, type Api } from "../contract.ts";
import { accountOf, call, type Context } from "./context.ts";

export function accountCalls(context: Context): Api["accounts"] {
  const { database } = context;
  const { list, get, create } = contract.accounts;
  return {
    list: call(list, () => accounts.list(database)),
    get: call(get, ({ account_id }) => accountOf(context, account_id)),
    create: call(create, (account) => accounts.insert(database, account)),
  };
}
