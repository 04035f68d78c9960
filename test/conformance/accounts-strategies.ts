import { refusal, type Step } from "./world.ts";

const none = refusal("account_required", "there is no account yet");

const unknown = refusal("account_unknown", 'no account "NOBODY"');

/** Accounts, and strategies without legs. */
export const ACCOUNTS_AND_STRATEGIES: readonly Step[] = [
  { call: "accounts.list", what: "there is none", run: ({ api }) => api.accounts.list({}), tells: [] },
  { call: "accounts.get", what: "without one", run: ({ api }) => api.accounts.get({}), tells: none },
  { call: "strategies.list", what: "without an account", run: ({ api }) => api.strategies.list({}), tells: none },
  { call: "accounts.get", what: "an unknown one", run: ({ api }) => api.accounts.get({ account_id: "NOBODY" }), tells: unknown },
  {
    call: "accounts.create",
    what: "comes with its default strategy",
    run: ({ api }) => api.accounts.create({ account_id: "XJ4540", account_name: "घर / home & more", aliases: ["4711"] }),
    tells: { account_id: "XJ4540", account_name: "घर / home & more", aliases: ["4711"], broker: "zerodha", is_active: true },
  },
  { call: "accounts.get", what: "the only one", run: ({ api }) => api.accounts.get({}), tells: { account_id: "XJ4540" } },
  {
    call: "accounts.get",
    what: "by an alias",
    run: ({ api }) => api.accounts.get({ account_id: "4711" }),
    tells: { account_id: "XJ4540" },
  },
  {
    call: "accounts.create",
    what: "once",
    run: ({ api }) => api.accounts.create({ account_id: "XJ4540" }),
    tells: refusal("account_exists"),
  },
  {
    call: "accounts.create",
    what: "under an id that is one",
    run: ({ api }) => api.accounts.create({ account_id: "a b" }),
    tells: refusal("input_invalid", 'account_id "a b" is not an account id'),
  },
  {
    call: "accounts.create",
    what: "again under one key",
    run: async ({ api }) => {
      const make = (): Promise<unknown> => api.accounts.create({ account_id: "AB/C+%2F" }, { idempotency_key: "account-1" });
      return [await make(), await make()];
    },
    tells: [{ account_id: "AB/C+%2F" }, { account_id: "AB/C+%2F" }],
  },
  {
    call: "accounts.get",
    what: "one whose id is hard to write",
    run: ({ api }) => api.accounts.get({ account_id: "AB/C+%2F" }),
    tells: { account_id: "AB/C+%2F" },
  },
  {
    call: "accounts.create",
    what: "not another under that key",
    run: ({ api }) => api.accounts.create({ account_id: "CD" }, { idempotency_key: "account-1" }),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "accounts.list",
    what: "by id",
    run: ({ api }) => api.accounts.list({}),
    tells: [{ account_id: "AB/C+%2F" }, { account_id: "XJ4540" }],
  },
  {
    call: "strategies.list",
    what: "the default one, which nobody has marked",
    run: ({ api }) => api.strategies.list({ account_id: "XJ4540" }),
    tells: [{ name: "Default Strategy", is_default: true, instrument_count: 0, current_pnl: null, current_m2m: null, marked_at: null }],
  },
  {
    call: "strategies.create",
    what: "with all it may have",
    run: ({ api }) =>
      api.strategies.create({
        account_id: "XJ4540",
        name: " Iron & condor + ü ",
        tags: ["weekly", "a b", "weekly"],
        description: "100 %",
        strategy_type: "automated",
      }),
    tells: { name: "Iron & condor + ü", tags: ["weekly", "a b"], description: "100 %", strategy_type: "automated", archived_at: null },
    keep: "condor",
  },
  {
    call: "strategies.create",
    what: "names are unique among the active in any case",
    run: ({ api }) => api.strategies.create({ account_id: "4711", name: "IRON & CONDOR + ü" }),
    tells: refusal("strategy_exists"),
  },
  {
    call: "strategies.create",
    what: "not without a name",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "  ", tags: ["a,b"] }),
    tells: refusal("input_invalid", "name"),
  },
  {
    call: "strategies.create",
    what: "not with what no text may hold",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Nul", description: "a\0b" }),
    tells: refusal("input_invalid", "description"),
  },
  {
    call: "strategies.create",
    what: "under a key that is none",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Key" }, { idempotency_key: " " }),
    tells: refusal("input_invalid", "idempotency_key"),
  },
  {
    call: "strategies.create",
    what: "of which account?",
    run: ({ api }) => api.strategies.create({ name: "x" }),
    tells: refusal("account_required", "which account? there are AB/C+%2F, XJ4540"),
  },
  {
    call: "strategies.create",
    what: "of nobody",
    run: ({ api }) => api.strategies.create({ account_id: "NOBODY", name: "x" }),
    tells: unknown,
  },
  {
    call: "strategies.create",
    what: "again under one key",
    run: async ({ api }) => {
      const make = (name: string): Promise<{ strategy_id: number }> =>
        api.strategies.create({ account_id: "XJ4540", name }, { idempotency_key: "strategy-1" });
      const [one, two] = [await make("Keyed"), await make("Keyed")];
      return { same: one.strategy_id === two.strategy_id, refused: await make("Other").catch(({ code }: { code: string }) => code) };
    },
    tells: { same: true, refused: "idempotency_conflict" },
  },
  {
    call: "strategies.create",
    what: "not another under that key",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Other" }, { idempotency_key: "strategy-1" }),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "strategies.getOrCreate",
    what: "the one there is",
    run: ({ api }) => api.strategies.getOrCreate({ account_id: "XJ4540", name: "iron & condor + ü", description: "not taken" }),
    tells: { name: "Iron & condor + ü", description: "100 %" },
  },
  {
    call: "strategies.getOrCreate",
    what: "a new one",
    run: ({ api }) => api.strategies.getOrCreate({ account_id: "XJ4540", name: "Calendar", tags: ["far"] }),
    tells: { name: "Calendar", tags: ["far"] },
    keep: "calendar",
  },
  {
    call: "strategies.getOrCreate",
    what: "of nobody",
    run: ({ api }) => api.strategies.getOrCreate({ account_id: "NOBODY", name: "x" }),
    tells: unknown,
  },
  {
    call: "accounts.create",
    what: "a second account",
    run: ({ api }) => api.accounts.create({ account_id: "ZZ0001", broker: "other" }),
    tells: { account_id: "ZZ0001", broker: "other", aliases: [] },
  },
  {
    call: "strategies.getOrCreate",
    what: "of which?",
    run: ({ api }) => api.strategies.getOrCreate({ name: "x" }),
    tells: refusal("account_required"),
  },
  {
    call: "accounts.get",
    what: "which of them?",
    run: ({ api }) => api.accounts.get({}),
    tells: refusal("account_required", "AB/C+%2F, XJ4540, ZZ0001"),
  },
  { call: "accounts.get", what: "that of the connection", run: ({ other }) => other.accounts.get({}), tells: { account_id: "ZZ0001" } },
  {
    call: "strategies.create",
    what: "in the account of the connection",
    run: ({ other }) => other.strategies.create({ name: "Theirs" }),
    tells: { account_id: "ZZ0001", name: "Theirs" },
    keep: "theirs",
  },
  ...(["status", "tag", "search"] as const).map((field): Step => ({
    call: "strategies.list",
    what: `by ${field}`,
    run: ({ api }) =>
      api.strategies.list({
        account_id: "XJ4540",
        ...{ status: { status: "active" as const }, tag: { tag: "a b" }, search: { search: "& CONDOR +" } }[field],
      }),
    tells:
      field === "status"
        ? [{ is_default: true }, { name: "Calendar" }, { name: "Keyed" }, { name: "Iron & condor + ü" }]
        : [{ name: "Iron & condor + ü" }],
  })),
  {
    call: "strategies.list",
    what: "page by page",
    run: async ({ api }) => {
      const pages: string[][] = [];
      for (let cursor: number | undefined; ;) {
        const page = await api.strategies.list({ account_id: "XJ4540", limit: 3, cursor });
        if (page.length > 0) pages.push(page.map(({ name }) => name));
        cursor = page.at(-1)?.strategy_id;
        if (page.length < 3) return pages;
      }
    },
    tells: [["Default Strategy", "Calendar", "Keyed"], ["Iron & condor + ü"]],
  },
  {
    call: "strategies.list",
    what: "not after a strategy that is not there",
    run: ({ api }) => api.strategies.list({ account_id: "XJ4540", cursor: 999_999 }),
    tells: refusal("input_invalid", "cursor 999999 is no strategy of XJ4540"),
  },
  { call: "strategies.list", what: "of nobody", run: ({ api }) => api.strategies.list({ account_id: "NOBODY" }), tells: unknown },
  {
    call: "strategies.resolve",
    what: "by its name",
    run: ({ api }) => api.strategies.resolve({ account_id: "XJ4540", strategy: "iron & CONDOR + ü" }),
    tells: { name: "Iron & condor + ü" },
  },
  {
    call: "strategies.resolve",
    what: "by its id",
    run: ({ api }, id) => api.strategies.resolve({ strategy: String(id("calendar")) }),
    tells: { name: "Calendar" },
  },
  {
    call: "strategies.resolve",
    what: "suggests what may be meant",
    run: ({ api }) => api.strategies.resolve({ account_id: "XJ4540", strategy: "Calender" }),
    tells: refusal("strategy_unknown", 'no strategy "Calender" in XJ4540; did you mean "Calendar"?'),
  },
  {
    call: "strategies.resolve",
    what: "of two archived ones it asks which",
    run: async ({ api }) => {
      for (let time = 0; time < 2; time += 1) {
        const { strategy_id } = await api.strategies.create({ account_id: "XJ4540", name: "Twice" });
        await api.strategies.archive({ strategy_id });
      }
      return api.strategies.resolve({ account_id: "XJ4540", strategy: "twice" });
    },
    tells: refusal("strategy_ambiguous", '2 archived strategies are called "twice"'),
  },
  {
    call: "strategies.resolve",
    what: "in which account?",
    run: ({ api }) => api.strategies.resolve({ strategy: "x" }),
    tells: refusal("account_required"),
  },
  {
    call: "strategies.resolve",
    what: "of nobody",
    run: ({ api }) => api.strategies.resolve({ account_id: "NOBODY", strategy: "x" }),
    tells: unknown,
  },
  {
    call: "strategies.get",
    what: "without legs",
    run: async ({ api }, id) => {
      const strategy = await api.strategies.get({ strategy_id: id("condor") });
      return { strategy, has_legs: "legs" in strategy };
    },
    tells: { strategy: { name: "Iron & condor + ü", account_id: "XJ4540" }, has_legs: false },
  },
  {
    call: "strategies.get",
    what: "with legs",
    run: ({ api }, id) => api.strategies.get({ strategy_id: String(id("condor")), include: "legs" }),
    tells: { legs: [] },
  },
  {
    call: "strategies.get",
    what: "none",
    run: ({ api }) => api.strategies.get({ strategy_id: 999_999 }),
    tells: refusal("strategy_unknown", "no strategy 999999"),
  },
  {
    call: "strategies.get",
    what: "of another account",
    run: ({ other }, id) => other.strategies.get({ strategy_id: id("condor") }),
    tells: refusal("strategy_unknown", "in ZZ0001"),
  },
  {
    call: "strategies.get",
    what: "of nobody",
    run: ({ api }, id) => api.strategies.get({ account_id: "NOBODY", strategy_id: id("condor") }),
    tells: unknown,
  },
  {
    call: "strategies.get",
    what: "by what is no id",
    run: ({ api }) => api.strategies.get({ strategy_id: "1.5" }),
    tells: refusal("input_invalid"),
  },
  {
    call: "strategies.update",
    what: "changes what is given",
    run: ({ api }, id) =>
      api.strategies.update({
        strategy_id: id("condor"),
        total_capital_deployed: 150_000.25,
        total_margin_used: 0.0001,
        description: null,
        tags: [],
      }),
    tells: { name: "Iron & condor + ü", total_capital_deployed: 150_000.25, total_margin_used: 0.0001, description: null, tags: [] },
  },
  {
    call: "strategies.update",
    what: "to a name that is taken",
    run: ({ api }, id) => api.strategies.update({ strategy_id: id("condor"), name: "calendar" }),
    tells: refusal("strategy_exists"),
  },
  {
    call: "strategies.update",
    what: "not the name of the default",
    run: async ({ api }) => {
      const [usual] = await api.strategies.list({ account_id: "XJ4540" });
      return api.strategies.update({ strategy_id: usual?.strategy_id ?? 0, name: "Mine" });
    },
    tells: refusal("strategy_default", "cannot be renamed"),
  },
  {
    call: "strategies.update",
    what: "none",
    run: ({ api }) => api.strategies.update({ strategy_id: 999_999, name: "x" }),
    tells: refusal("strategy_unknown"),
  },
  {
    call: "strategies.update",
    what: "of nobody",
    run: ({ api }, id) => api.strategies.update({ account_id: "NOBODY", strategy_id: id("condor") }),
    tells: unknown,
  },
  {
    call: "strategies.archive",
    what: "again changes nothing",
    run: async ({ api }) => {
      const { strategy_id } = await api.strategies.getOrCreate({ account_id: "XJ4540", name: "Keyed" });
      const once = await api.strategies.archive({ strategy_id });
      const again = await api.strategies.archive({ strategy_id });
      return { ...once, same: again.archived_at === once.archived_at };
    },
    tells: { status: "archived", same: true },
  },
  {
    call: "strategies.archive",
    what: "not the default",
    run: async ({ other }) => other.strategies.archive({ strategy_id: (await other.strategies.list({}))[0]?.strategy_id ?? 0 }),
    tells: refusal("strategy_default", "cannot be archived"),
  },
  {
    call: "strategies.archive",
    what: "none",
    run: ({ api }) => api.strategies.archive({ strategy_id: 999_999 }),
    tells: refusal("strategy_unknown"),
  },
  {
    call: "strategies.archive",
    what: "of nobody",
    run: ({ api }, id) => api.strategies.archive({ account_id: "NOBODY", strategy_id: id("condor") }),
    tells: unknown,
  },
];

export const UNKNOWN_ACCOUNT = unknown;
