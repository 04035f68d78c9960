import { hostname } from "node:os";
import {
  lead,
  leave,
  sqlstateOf,
  tellAlive,
  type Database,
  type DbSession,
  type Fence,
  type LeadAnswer,
  type Leader,
  type Shard,
  StratctlError,
} from "@stratctl/sdk/internal";
import { systemClock } from "./clock.ts";
import type { Log } from "./log.ts";
import { failureOf, within } from "./within.ts";

export interface LeadershipOptions {
  readonly db: Pick<Database, "session">;
  readonly shard: Shard;
  readonly log: Log;
  /** Of the engine's clock: what it sampled up to then is in the tables; null: nothing yet. */
  readonly written_to_ms: () => number | null;
  /** From now on what this engine marks is written. */
  readonly onLead: () => void;
  /** From now on it waits. */
  readonly onLost: () => void;
  /** Told at each look while another leads: what that one sampled up to then is in the tables. */
  readonly onStandBy: (other: { readonly written_to_ms: number | null }) => void;
}

/** How often a leader tells that it lives, and one who stands by looks. By real time, since the database's clock is. */
const LOOK_MS = 2_000;
/** A leader that was not seen for so long is followed: together with a look and a connection, within ten seconds. */
const SILENT_MS = 5_500;
/** A statement of the session, and the connection of it, may take so long: asking waits a second for what a leader writes, and again. */
const SESSION_MS = 3_500;
/** Saying that it leaves may take so long of the time that a stop has. */
const LEAVE_MS = 500;
/** Telling that it lives may take so long. */
const BEAT_MS = 500;
/** admin_shutdown: also of one session, as whoever follows a silent leader ends it. */
const SESSION_ENDED = "57P01";
const SESSION_NAME = "stratctl leader";

/**
 * Leads the accounts of a shard, or stands by for it. Who leads holds a lock on a connection of its own, whose end is the end of
 * the lead; each of its writes says its fence, which the database compares: a leader that was frozen, and followed meanwhile,
 * writes nothing more whatever it believes.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #holder = `${hostname()}:${process.pid}`;
  #session: DbSession | null = null;
  #fence: Fence | null = null;
  /** Under which it led last: it does not wait for itself. */
  #own: Fence | null = null;
  #since_ms: number | null = null;
  /** Who leads instead, as the last line of the log said. */
  #told: string | null = null;
  /** Said that it leads no more. */
  #has_lost = false;
  #is_pooled = false;
  /** How long whoever leads had not told that it lives, at the last look. */
  #silent_ms: number | null = null;
  /** Why the last look came to nothing. */
  #failure: StratctlError | null = null;
  #looking: Promise<void> | null = null;
  #wake = new AbortController();
  readonly #ending = new AbortController();

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** What writes say; null while another leads, or the database is away. */
  get fence(): Fence | null {
    return this.#fence;
  }

  /** Another leads, as the last look told. */
  get stands_by(): boolean {
    return this.#fence === null && this.#told !== null;
  }

  /** Why it does not lead though nobody else does: the database is away. Null where it leads, or stands by. */
  get failure(): StratctlError | null {
    return this.#failure;
  }

  /** Another leads, and may have been dead or cut off at the last look: what it sampled since its last write is in doubt. */
  get is_other_silent(): boolean {
    return this.stands_by && (this.#failure !== null || this.#silent_ms === null || this.#silent_ms > LOOK_MS + BEAT_MS);
  }

  /** Since when it leads, in ms since the epoch by this machine's clock; null while it stands by. */
  get led_since_ms(): number | null {
    return this.#since_ms;
  }

  /** Asks once, and goes on by itself until its end: while the database is away, and while another leads. */
  async begin(): Promise<void> {
    await this.look();
    void this.#run();
  }

  /** The fence; where nobody is known to lead it is asked for at once. */
  async ensure(): Promise<Fence | null> {
    if (this.#fence === null && !this.stands_by) await this.look();
    return this.#fence;
  }

  /** Asks once. Rejects with leadership_held where another leads, and with what the database says. */
  async once(): Promise<void> {
    const answer = await this.#ask(await this.#opened());
    if (answer.fence === null) throw held(answer.other);
    this.#begins(answer, { is_told: false });
  }

  /** A write was refused: another leads by now. */
  lost(fence: Fence): void {
    // A late answer to a write of an earlier lead says nothing of this one.
    if (this.#fence?.number !== fence.number) return;
    this.#ends("another engine leads by now");
    this.#told = ""; // who it is the next look tells
    this.#wake.abort();
  }

  /** Tells that it leaves, so that whoever stands by need not wait. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.#wake.abort();
    const [session, fence] = [this.#session, this.#fence];
    this.#fence = null;
    // Where it does not arrive the end of the session says it.
    if (session !== null && fence !== null)
      await within(
        leave(session, fence).catch(() => undefined),
        { ms: LEAVE_MS, clock: systemClock },
      );
    this.#drop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await systemClock.sleep(LOOK_MS, this.#wake.signal);
      if (!signal.aborted) await this.look();
    }
  }

  /** Asks for the lead, or tells that it lives. Never rejects: a database that is away is looked for again. One at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    try {
      const session = await this.#opened();
      if (this.#fence === null) {
        const answer = await this.#ask(session);
        if (!this.#ending.signal.aborted) this.#stands(answer);
      } else await this.#tell(session, this.#fence);
      this.#failure = null;
    } catch (error) {
      this.#failure = failureOf(error);
      // Without its session the lock is nobody's: what there is to write waits until it leads again.
      if (this.#fence !== null) this.#ends(sqlstateOf(error) === SESSION_ENDED ? "its session was ended" : failureOf(error).message);
      this.#drop();
    }
  }

  async #opened(): Promise<DbSession> {
    if (this.#session !== null) return this.#session;
    const session = await this.#options.db.session({ name: SESSION_NAME, timeout_ms: SESSION_MS });
    if (this.#ending.signal.aborted) session.drop(); // nobody waits for it any more, nor for what it is asked
    this.#session = session;
    void this.#watch(session);
    return session;
  }

  async #watch(session: DbSession): Promise<void> {
    await session.ended;
    if (this.#session !== session) return;
    this.#session = null;
    if (this.#fence !== null) this.#ends("its connection ended");
    this.#wake.abort();
  }

  async #ask(session: DbSession): Promise<LeadAnswer> {
    const { shard } = this.#options;
    const answer = await lead(session, { shard, holder: this.#holder, own: this.#own, silent_ms: SILENT_MS });
    this.#tellPooler(session, answer.backend_pid);
    return answer;
  }

  async #tell(session: DbSession, fence: Fence): Promise<void> {
    const { leads, backend_pid } = await tellAlive(session, fence, { written_to_ms: this.#options.written_to_ms() });
    this.#tellPooler(session, backend_pid);
    if (!leads) this.lost(fence);
  }

  #stands(answer: LeadAnswer): void {
    if (answer.fence !== null) return this.#begins(answer, { is_told: true });
    const { other } = answer;
    this.#silent_ms = answer.silent_ms;
    this.#options.onStandBy({ written_to_ms: other?.written_to == null ? null : Date.parse(other.written_to) });
    const text = other === null ? "another engine leads" : `${other.holder} leads${partText(other)} since ${other.since}`;
    if (text !== this.#told) this.#options.log({ level: "info", event: "leader", text: `stands by: ${text}`, fields: { leads: false } });
    this.#told = text;
  }

  #begins({ fence, is_locked, other }: LeadAnswer, { is_told }: { is_told: boolean }): void {
    this.#fence = fence;
    this.#own = fence;
    this.#since_ms = systemClock.now();
    // A daemon that begins alone says no more than that it is ready.
    const is_news = this.#told !== null || this.#has_lost || (other !== null && other.seen_at !== null);
    const after = other === null || other.seen_at === null ? "" : ` after ${other.holder}, last seen ${other.seen_at}`;
    if (is_told && is_news)
      this.#options.log({ level: "info", event: "leader", text: `leads${after}`, fields: { leads: true, fence: fence?.number ?? null } });
    if (!is_locked)
      this.#options.log({
        level: "warn",
        event: "leader",
        text: "the session of the leader before is of another role and holds the lock yet: its writes are refused all the same",
      });
    this.#told = null;
    this.#has_lost = false;
    this.#options.onLead();
  }

  #ends(why: string): void {
    this.#fence = null;
    this.#since_ms = null;
    this.#has_lost = true;
    this.#options.onLost();
    this.#options.log({ level: "warn", event: "leader", text: `leads no more: ${why} · candles wait`, fields: { leads: false } });
  }

  #tellPooler({ backend_pid }: DbSession, answered: number): void {
    if (backend_pid === null || backend_pid === answered || this.#is_pooled) return;
    this.#is_pooled = true;
    this.#options.log({
      level: "warn",
      event: "leader",
      text: "a pooler stands before the database: unless it pools by session, give the daemon a URL past it, so that its lock ends when it is cut off",
    });
  }

  #drop(): void {
    const session = this.#session;
    this.#session = null;
    session?.drop();
  }
}

function partText({ shard, of }: Leader): string {
  return of === 1 ? "" : ` ${shard}/${of}`;
}

function held(other: Leader | null): StratctlError {
  return new StratctlError("leadership_held", `${other?.holder ?? "another engine"} marks these accounts already`, {
    hint: "stop it first, or let it do the work: a stand-by takes over by itself",
    details: { holder: other?.holder ?? null, since: other?.since ?? null },
  });
}
