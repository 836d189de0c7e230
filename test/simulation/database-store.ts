/** PostgreSQL as the protocol sees it: rows, tags, one sequence, a log that survives, and what each statement does. */
import {
  GUARDED_VERSION,
  names,
  REACHES_OUTBOX,
  REMEMBER_SERVER,
  SEPARATOR,
  statements,
  TOMBSTONE_MS,
} from '../../libs/multi-level-cache/src/tiers/database/sql.js';
import { L3 } from '../support/options.js';
import { DatabaseLog } from './database-log.js';
import {
  FENCE,
  isGuarded,
  listOf,
  nameOf,
  rowsOf,
  timesOf,
  type Data,
  type Owed,
  type Row,
  type Session,
  type Values,
} from './database-rows.js';
import type { Schedule } from './schedule.js';

/** Ends a statement: commits, and says what it returns, or what it has done. */
export type Finish = () => readonly unknown[];
/** A statement as it begins: with what it sees then, while numbers are taken at once. */
type Begin = (values: Values, session: Session) => Finish;

const SQL = statements(names(L3.schema, L3.table), true);
const SYSTEM = '7300000000000000001';

export class DatabaseStore {
  readonly #log: DatabaseLog<Data>;
  readonly #statements: ReadonlyMap<string, Begin>;
  /** Told when what has been announced is committed. */
  onNotify: ((message: string) => void) | undefined;
  /** The next message is told twice. */
  repeatNextMessage = false;
  #start = 1;
  #timeline = 1;

  constructor(
    schedule: Schedule,
    /** Milliseconds of the server's wall clock. */
    readonly time: () => number,
  ) {
    this.#log = new DatabaseLog(schedule, () => ({
      rows: new Map(),
      tags: new Map(),
      outbox: new Map(),
      last: 0,
    }));
    this.#statements = new Map<string, Begin>([
      [REMEMBER_SERVER, (_values, session) => this.#remember(session)],
      [SQL.state, (_values, session) => this.#said(session)],
      [SQL.read, (values, session) => this.#read(values, session)],
      [SQL.fill, (values, session) => this.#fill(values, session)],
      [SQL.set, (values, session) => this.#set(values, session)],
      [SQL.remove, (values, session) => this.#remove(values, session)],
      [SQL.expire, (values, session) => this.#expire(values, session)],
      [SQL.touch, (values, session) => this.#touch(values, session)],
      [SQL.bump, (values) => this.#bump(values)],
      [SQL.guard, (values, session) => this.#guard(values, session)],
      [SQL.owe, (values) => this.#owe(values)],
      [SQL.oweOnCommit, (values) => this.#owe(values)],
      [REACHES_OUTBOX, () => () => [{ reached: true, database: 'simulated' }]],
      [SQL.debts, () => this.#debts()],
      [SQL.claim, ([, , ms]) => this.#claim(Number(ms))],
      [SQL.strike, (values) => this.#strike(values)],
      ...this.#announcing(),
    ]);
  }

  /** Statements that only keep the table small find nothing to do. */
  begin(text: string, values: Values, session: Session): Finish {
    return this.#statements.get(text)?.(values, session) ?? (() => []);
  }

  /** Statements that announce what they have done: the same, with the channel and the messages behind their parameters. */
  #announcing(): [string, Begin][] {
    const announcing =
      (begin: Begin): Begin =>
      (values, session) => {
        const finish = begin(values.slice(0, -2), session);
        return () => {
          const done = finish();
          if (done.length === 0) return done;
          const messages = values.at(-1) as readonly string[];
          for (const message of this.repeatNextMessage ? [...messages, ...messages] : messages)
            this.onNotify?.(message);
          this.repeatNextMessage = false;
          return done;
        };
      };
    const { announced } = SQL;
    return [
      [announced.set, announcing((values, session) => this.#set(values, session))],
      [announced.remove, announcing((values, session) => this.#remove(values, session))],
      [announced.expire, announcing((values, session) => this.#expire(values, session))],
      [announced.touch, announcing((values, session) => this.#touch(values, session))],
      [announced.bump, announcing((values) => this.#bump(values))],
      [announced.guard, announcing((values, session) => this.#guard(values, session))],
      [announced.owe, announcing((values) => this.#owe(values))],
    ];
  }

  /** The server starts anew with what its log has kept. */
  restart(): void {
    this.#log.crash();
    this.#start++;
  }

  /** A replica takes over that has not heard of the last `ms`. */
  failover(ms: number): void {
    this.#log.lose(ms);
    this.#start++;
    this.#timeline++;
  }

  /** The last number given out. */
  get last(): number {
    return this.#data.last;
  }

  #remember(session: Session): Finish {
    session.start = String(this.#start);
    session.system = SYSTEM;
    return () => [];
  }

  #said(session: Session): Finish {
    const state = this.#state(session);
    return () => [state];
  }

  #state({ start, system }: Session): { last: string; inc: string; tl: string } {
    if (start === undefined || system === undefined)
      throw Object.assign(new Error('unrecognized configuration parameter'), { code: '42704' });
    const timeline = this.#timeline.toString(16).padStart(8, '0');
    return { last: String(this.#data.last), inc: start, tl: `${system}${timeline}` };
  }

  /** Rows as of its beginning; the sequence is no part of that, and may be read later. */
  #read(values: Values, session: Session): Finish {
    const [tenants, hashes, impliedTenants, implied] = values.map((list) => listOf(list));
    const { tl } = this.#state(session);
    const now = this.time();
    const bumps = implied.flatMap((tag, at) => {
      const numbers = this.#data.tags.get(nameOf(impliedTenants[at], tag));
      return numbers ? [[impliedTenants[at], tag, numbers.hard, numbers.soft]] : [];
    });
    const rows = tenants.flatMap((tenant, at) => {
      const row = this.#data.rows.get(nameOf(tenant, hashes[at]));
      return row ? [this.#answer(row, tenant, at + 1, tl, now)] : [];
    });
    return () => {
      const said = { ...this.#state(session), bumps: bumps.length > 0 ? bumps : null };
      return [[JSON.stringify(said), null], ...rows];
    };
  }

  #answer(row: Row, tenant: string, at: number, tl: string, now: number): readonly unknown[] {
    const tagged = row.tags.length > 0;
    const numbers = row.tags.flatMap((tag) => this.#data.tags.get(nameOf(tenant, tag)) ?? []);
    const highest = (of: 'hard' | 'soft'): number | null =>
      numbers.length > 0 ? Math.max(...numbers.map((one) => one[of])) : null;
    const parts = [
      at,
      String(isGuarded(row, now) ? GUARDED_VERSION : row.ver),
      Math.ceil(now - row.created),
      Math.floor(row.expires - now),
      Math.floor(row.stale - now),
      row.seen < FENCE ? FENCE - 1 - row.seen : '',
      tagged ? JSON.stringify(row.tags) : '',
      tagged ? JSON.stringify([highest('hard'), highest('soft')]) : '',
    ];
    return [parts.join(SEPARATOR), row.tl === tl ? row.value : null];
  }

  #fill(values: Values, session: Session): Finish {
    const { inc, tl } = this.#state(session);
    const now = this.time();
    const fills = rowsOf(values).flatMap((column) => {
      const [tenant, hash, implied, value, n0, seen, startOfTicket, timelineOfTicket] = column;
      const [json, age, fresh, stale, blind] = column.slice(8);
      if (blind === true && this.#data.rows.get(nameOf(tenant, hash))?.guards?.size) return [];
      const tags = JSON.parse(String(json)) as string[];
      const all = [...tags, ...listOf(implied)].map((tag) => nameOf(tenant, tag));
      if (startOfTicket !== inc) return [];
      if (timelineOfTicket !== tl) return [];
      if (all.some((tag) => (this.#data.tags.get(tag)?.hard ?? 0) > Number(n0))) return [];
      const row = {
        value: value as Buffer,
        ver: Number(n0),
        seen: Number(seen),
        tl,
        tags,
        ...timesOf(now, age, fresh, stale),
      };
      return [{ name: nameOf(tenant, hash), hash: String(hash), row }];
    });
    return () => {
      const taken = fills.filter(({ name, row }) => {
        const old = this.#data.rows.get(name);
        return !old || old.ver <= row.seen;
      });
      // The statement does not wait for its commit to be safe.
      this.#log.commit(({ rows }) => {
        for (const { name, row } of taken)
          rows.set(name, { ...row, guards: rows.get(name)?.guards });
      }, false);
      return taken.map(({ hash }) => ({ key_hash: Buffer.from(hash.slice(2), 'hex') }));
    };
  }

  #set(values: Values, session: Session): Finish {
    const { tl } = this.#state(session);
    const ver = this.#nextval();
    const now = this.time();
    const sets = rowsOf(values.slice(0, 7)).map(
      ([tenant, hash, value, json, age, fresh, stale]) => {
        const row = {
          value: value as Buffer,
          ver,
          seen: FENCE,
          tl,
          tags: JSON.parse(String(json)) as string[],
          ...timesOf(now, age, fresh, stale),
        };
        return [nameOf(tenant, hash), row] as const;
      },
    );
    const known = Number(values[7]);
    return () => {
      const stored = sets.filter(([name, row]) => {
        const old = this.#data.rows.get(name);
        return !old || old.ver <= known || old.tl !== row.tl;
      });
      this.#upsert(stored, ({ guards }, row) => ({ ...row, guards }));
      return stored.map(([name]) => ({ key_hash: Buffer.from(name.split('\\x')[1], 'hex') }));
    };
  }

  #remove(values: Values, session: Session): Finish {
    return this.#removal(this.#tombstones(values, session), (old) => old?.guards);
  }

  #guard([tenants, hashes, id, ms]: Values, session: Session): Finish {
    const own: readonly [string, number][] =
      Number(ms) > 0 ? [[String(id), this.time() + Number(ms)]] : [];
    return this.#removal(this.#tombstones([tenants, hashes], session), (old) => {
      const others = [...(old?.guards ?? [])].filter(([other]) => other !== id);
      return new Map([...others, ...own]);
    });
  }

  /** Also over a later number. */
  #removal(
    tombstones: readonly (readonly [string, Row])[],
    guardsOf: (old: Row | undefined) => Row['guards'],
  ): Finish {
    return () => {
      const written = tombstones.map(([name, row]) => {
        const old = this.#data.rows.get(name);
        return [name, { ...row, ver: this.#later(row, old), guards: guardsOf(old) }] as const;
      });
      this.#log.commit(({ rows }) => {
        for (const [name, row] of written) rows.set(name, row);
      }, true);
      return written;
    };
  }

  #owe([id, , type, payload, dueMs]: Values): Finish {
    const whole = typeof dueMs === 'number';
    const owed = {
      type: String(type),
      payload: String(payload),
      whole,
      due: this.time() + (whole ? dueMs : 0),
    };
    return () => {
      this.#log.commit(({ outbox }) => outbox.set(String(id), owed), true);
      return [id];
    };
  }

  #debts(): Finish {
    const due = this.#due(false);
    return () => due.map(([id, owed]) => ({ id, ...owed }));
  }

  #claim(ms: number): Finish {
    return () => {
      // What another one is taking it leaves alone.
      const due = this.#due(true);
      const later = this.time() + ms;
      this.#log.commit(({ outbox }) => {
        for (const [id, owed] of due) if (outbox.has(id)) outbox.set(id, { ...owed, due: later });
      }, true);
      return due.map(([id, owed]) => ({ id, ...owed }));
    };
  }

  #due(whole: boolean): [string, Owed][] {
    const { outbox } = this.#data;
    return [...outbox].filter(([, owed]) => owed.whole === whole && owed.due <= this.time());
  }

  #strike([, ids]: Values): Finish {
    return () => {
      this.#log.commit(({ outbox }) => {
        for (const id of ids as readonly string[]) outbox.delete(id);
      }, true);
      return [];
    };
  }

  #expire(values: Values, session: Session): Finish {
    const tombstones = this.#tombstones(values, session);
    return () =>
      this.#upsert(tombstones, (old, row) => ({
        ...old,
        ver: row.ver,
        // Its tags are judged by the version it had.
        seen: old.seen < FENCE ? old.seen : FENCE - 1 - old.ver,
        // Since ever, whatever the clock shows.
        expires: Math.min(old.expires, 0),
        stale:
          old.value === null
            ? row.stale
            : Math.min(old.stale, row.expires + Math.max(old.stale - old.expires, 0)),
      }));
  }

  #tombstones(values: Values, session: Session): readonly (readonly [string, Row])[] {
    const { tl } = this.#state(session);
    const ver = this.#nextval();
    const now = this.time();
    const row: Row = {
      value: null,
      ver,
      seen: FENCE,
      tl,
      tags: [],
      ...timesOf(now, 0, 0, TOMBSTONE_MS),
    };
    return rowsOf(values).map(([tenant, hash]) => [nameOf(tenant, hash), row] as const);
  }

  #touch([tenant, hash, ms]: Values, session: Session): Finish {
    const { tl } = this.#state(session);
    const name = nameOf(tenant, hash);
    return () => {
      const row = this.#data.rows.get(name);
      if (!row || row.value === null || row.expires <= this.time() || row.tl !== tl) return [];
      const expires = this.time() + Number(ms);
      const stale = expires + (row.stale - row.expires);
      this.#log.commit(({ rows }) => rows.set(name, { ...row, expires, stale }), true);
      return [name];
    };
  }

  #bump([tenant, tags, soft]: Values): Finish {
    const ver = this.#nextval();
    return () => {
      this.#log.commit((data) => {
        for (const tag of tags as readonly string[]) {
          const name = nameOf(tenant, tag);
          const old = data.tags.get(name) ?? { hard: 0, soft: 0 };
          data.tags.set(name, {
            hard: Math.max(old.hard, soft ? 0 : ver),
            soft: Math.max(old.soft, soft ? ver : 0),
          });
        }
      }, true);
      return tags as readonly string[];
    };
  }

  #upsert(
    list: readonly (readonly [string, Row])[],
    over: (old: Row, row: Row) => Row,
  ): readonly unknown[] {
    const done = list.filter(([name, row]) => {
      const old = this.#data.rows.get(name);
      return !old || old.ver <= row.ver || old.tl !== row.tl;
    });
    this.#log.commit(({ rows }) => {
      for (const [name, row] of done) {
        const old = rows.get(name);
        rows.set(name, old ? over(old, row) : row);
      }
    }, true);
    return done;
  }

  /** Always a new number: who holds a ticket of the row as it is must not fill it. */
  #later(row: Row, old: Row | undefined): number {
    return !old || old.ver < row.ver ? row.ver : this.#nextval();
  }

  /** Seen by everybody at once, and no part of any transaction. */
  #nextval(): number {
    const next = this.#data.last + 1;
    this.#log.write((data) => (data.last = next));
    return next;
  }

  get #data(): Data {
    return this.#log.data;
  }
}
