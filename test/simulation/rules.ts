/** Every rule of the protocol that this simulation carries, and how to take it out: without it, runs must go wrong. */
import type { Fault } from './faults.js';
import type { Tiers } from './setting.js';

export interface Rule {
  readonly name: string;
  /** Where it stands; a rule inside a Redis script is taken out of the simulated server, which mirrors it. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Under which it is caught soonest. */
  readonly faults: readonly Fault[];
  /** Seed to begin with, where the first ones are known to go right without it; 1 if left out. */
  readonly from?: number;
  /** Where it is of use; L1 and L2 if left out. */
  readonly tiers?: Tiers;
}

const STORE = 'test/simulation/redis-store.ts';
const DATABASE = 'test/simulation/database-store.ts';
const ALL = 'l1+l2+l3';

export const RULES: readonly Rule[] = [
  {
    name: 'a fill of memory needs its ticket',
    file: 'coherence/fences.ts',
    find: 'return ticket.generation === this.#generation && this.#epochs[ticket.stripe] === ticket.epoch;',
    replace: 'return true;',
    faults: [],
  },
  {
    name: 'a write detaches running loads',
    file: 'manager/single-flight.ts',
    find: '    this.#flights.delete(name);\n    this.#size -= list.length;\n    if (removed)',
    replace: '    if (removed)',
    faults: [],
  },
  {
    name: 'who joins after a bump loads again',
    file: 'manager/read-path.ts',
    find: 'if (joined === flight.change || !this.#outdated(flight, answer)) return answer;',
    replace: 'return answer;',
    faults: [],
  },
  {
    name: 'messages of others drop memory',
    file: 'manager/write-path.ts',
    find: '        this.#remote(change);\n',
    replace: '',
    faults: [],
  },
  {
    name: 'a fill of Redis needs its lease',
    file: STORE,
    find: 'if (this.#text(lease) !== String(token)) return 0;\n    this.#data.values.delete(lease);\n    this.#set(entry',
    replace: 'this.#set(entry',
    faults: [],
  },
  {
    name: 'a write takes the lease',
    file: STORE,
    find: '    this.#data.values.delete(lease);\n    if (mode === MODE.expire',
    replace: '    if (mode === MODE.expire',
    faults: [],
  },
  {
    name: 'a tag that was bumped since kills an entry',
    file: 'tiers/redis/redis-tier.ts',
    find: `    const verdict = this.#tags.judge(address, tags, n0);`,
    replace: `    const verdict = 'valid' as ReturnType<TagNumbers['judge']>;`,
    faults: [],
  },
  {
    name: 'a rejected entry is not handed out again',
    file: STORE,
    find: ' && !stored.subarray(34, 42).equals(bytes(seen))',
    replace: '',
    faults: [],
    from: 74,
  },
  {
    name: 'a late lease is given back',
    file: 'manager/tier-guard.ts',
    find: '      this.#giveBackLate(address, asked);\n',
    replace: '',
    faults: [],
    from: 538,
  },
  {
    name: 'what is owed is paid',
    file: 'manager/tier-changes.ts',
    find: 'if (this.#paying || this.#closed || this.#debts.size === 0) return;',
    replace: 'if (this.#debts.size >= 0) return;',
    faults: ['cut', 'freeze', 'down'],
  },
  {
    name: 'messages that may be missing flush memory',
    file: 'manager/write-path.ts',
    find: '        l1?.flush();\n',
    replace: '',
    faults: ['cut', 'flush', 'old-snapshot'],
  },
  {
    name: 'a counter that went back is a loss',
    file: STORE,
    find: ' || Number(number) < Number(seen)',
    replace: '',
    faults: ['old-snapshot'],
  },
  {
    name: 'silence is broken by a heartbeat',
    file: 'tiers/redis/link.ts',
    find: 'if (session.lastNumber === heard) void this.#beat(session);',
    replace: '',
    faults: ['flush'],
    from: 279,
  },
  {
    name: 'a number that does not follow is a gap',
    file: 'tiers/redis/link.ts',
    find: ' && message.number === session.lastNumber + 1',
    replace: '',
    faults: ['evict'],
  },
  {
    name: 'an entry of another epoch is none',
    file: 'tiers/redis/redis-tier.ts',
    find: 'opened?.epoch !== reply.session.epochNumber',
    replace: '!opened',
    faults: ['old-snapshot'],
  },
  {
    name: 'a missing floor is the number of now',
    file: STORE,
    find: "if (!hash.has('floor')) hash.set('floor', number);\n    const numbers",
    replace: "if (!hash.has('floor')) hash.set('floor', '0');\n    const numbers",
    faults: ['evict', 'crash'],
    from: 108,
  },
  {
    name: 'a number is taken before anything is read',
    file: 'tiers/redis/redis-tier.ts',
    find: 'const { token, session, n0 } = ticket as Lease;',
    replace: 'const { token, session } = ticket as Lease;\n    const n0 = this.#link.number;',
    faults: [],
  },
  {
    name: 'an own bump is known at once',
    file: 'tiers/redis/changes.ts',
    find: `        if (change.kind === 'tags')
          this.tags.heard(change.tenant, change.tags, number, change.soft === true);
`,
    replace: '',
    faults: [],
    from: 201,
  },
  {
    name: 'bumps of others are learned from their messages',
    file: 'tiers/redis/redis-tier.ts',
    find: '            this.#tags.heard(change.tenant',
    replace: '            void (change.tenant',
    faults: [],
  },
  {
    name: 'tag numbers are forgotten with the session',
    file: 'tiers/redis/redis-tier.ts',
    find: '        this.#tags.drop();\n',
    replace: '',
    faults: ['cut', 'old-snapshot'],
    from: 118,
  },
  {
    name: 'a fill of PostgreSQL needs the row unchanged',
    file: DATABASE,
    find: 'return !old || old.ver <= row.seen;',
    replace: 'return true;',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a row is gone when a tag has a higher number',
    file: 'tiers/database/answers.ts',
    find: "if ((hard ?? 0) > n0) return 'hard';",
    replace: '',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'a row keeps the number of before it was loaded',
    file: DATABASE,
    find: 'ver: Number(n0),',
    replace: 'ver: this.#data.last,',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'an expired row is judged by the number it had',
    file: DATABASE,
    find: 'seen: old.seen < FENCE ? old.seen : FENCE - 1 - old.ver,',
    replace: 'seen: FENCE,',
    faults: [],
    from: 124,
    tiers: 'l1+l3',
  },
  {
    name: 'a ticket is bound to the start of its server',
    file: DATABASE,
    find: 'if (startOfTicket !== inc) return [];',
    replace: '',
    faults: ['pg-restart'],
    from: 223,
    tiers: 'l1+l3',
  },
  {
    name: 'a row of another timeline is none',
    file: DATABASE,
    find: 'row.tl === tl ? row.value : null,',
    replace: 'row.value,',
    faults: ['pg-failover'],
    tiers: 'l1+l3',
  },
  {
    name: 'a delete leaves a tombstone',
    file: DATABASE,
    find: 'rows.set(name, { ...row, ver: this.#later(row, old), guards: old?.guards });',
    replace: 'if (old) rows.delete(name);',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'memory is dropped again after the tiers below',
    file: 'manager/write-path.ts',
    find: '    this.#local(here, false);\n    if (strict',
    replace: '    if (strict',
    faults: [],
    from: 328,
    tiers: 'l1+l3',
  },
  {
    name: 'PostgreSQL forgets before Redis does',
    file: 'manager/write-path.ts',
    find: "const third = l3 ? await l3.changes.apply(wanted('l3') ? change : rest) : 'off';",
    replace: `const early = await l2!.changes.apply(rest);
    const third = await l3!.changes.apply(wanted('l3') ? change : rest);
    if (early !== undefined) {
      this.#local(here, false);
      return receipt('ok', early, third);
    }`,
    faults: [],
    tiers: ALL,
  },
  {
    name: 'the lease is taken before PostgreSQL is read',
    file: 'manager/read-path.ts',
    find: 'const lease = await this.#lease(flight, l2);',
    replace: `const early = await l3!.read(address);
    l3!.read = async () => {
      Reflect.deleteProperty(l3!, 'read');
      return early;
    };
    const lease = await this.#lease(flight, l2);`,
    faults: [],
    tiers: ALL,
  },
  {
    name: 'a key that is owed bypasses PostgreSQL',
    file: 'coherence/debts.ts',
    find: `    return (
      this.#keys.has(keyName(address)) || this.coversTags(address.scope.tenant, address.implied)
    );`,
    replace: '    return false;',
    faults: ['pg-down', 'pg-freeze'],
    from: 260,
    tiers: 'l1+l3',
  },
  {
    name: 'what PostgreSQL is owed is paid',
    file: 'manager/tier-changes.ts',
    find: 'if (this.#paying || this.#closed || this.#debts.size === 0) return;',
    replace: 'if (this.#debts.size >= 0) return;',
    faults: ['pg-cut', 'pg-freeze', 'pg-down'],
    tiers: 'l1+l3',
  },
  {
    name: 'what Redis has not taken is written into the outbox',
    file: 'manager/write-path.ts',
    find: "third === 'ok' && (await l3!.changes.keep(debt, removal(change)));",
    replace: "third === 'ok' && debt !== '';",
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'what PostgreSQL has not taken is kept with the change in Redis',
    file: 'manager/write-path.ts',
    find: "debt: third === 'queued' ? debt : undefined,",
    replace: 'debt: undefined,',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'an announced debt is paid by everybody',
    file: 'manager/write-path.ts',
    find: 'l3?.changes.heard(debt, localChange(change, namespace, this.rules));',
    replace: 'void l3;',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'the book is read before a store that was away',
    file: 'manager/shared-debts.ts',
    find: '    this.#clean = !this.book;\n    return this.#look();',
    replace: '    this.#clean = true;\n    return this.#look();',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'the outbox is looked into once a second',
    file: 'manager/shared-debts.ts',
    find: 'if (book?.owe) this.#poll();',
    replace: '',
    faults: ['orphan'],
    tiers: ALL,
  },
  {
    name: 'a guard gives no lease',
    file: STORE,
    find: '    if (this.#guarded(guards)) return 2;\n',
    replace: '',
    faults: ['half-written'],
  },
  {
    name: 'a guard removes what Redis has',
    file: STORE,
    find: '    this.#data.values.delete(entry);\n    this.#data.values.delete(lease);\n    return 1;\n  }\n\n  /** The record ends',
    replace: '    return 1;\n  }\n\n  /** The record ends',
    faults: ['half-written'],
  },
  {
    name: 'what is loaded while the key is written is kept in no memory',
    file: 'manager/read-path.ts',
    find: 'memory: guarded ? undefined : memory',
    replace: 'memory',
    faults: ['half-written'],
  },
  {
    name: 'a row that is written cannot be named by a fill',
    file: DATABASE,
    find: 'String(isGuarded(row, now) ? GUARDED_VERSION : row.ver),',
    replace: 'String(row.ver),',
    faults: ['half-written'],
    tiers: 'l1+l3',
  },
  {
    name: 'tags of a writer that is gone are bumped by others',
    file: 'manager/mutation.ts',
    find: 'await this.#book?.keep(this.#id, this.#tags, GUARD_MS);',
    replace: 'void this.#book;',
    faults: ['half-written'],
    tiers: ALL,
  },
  {
    name: 'the end of a write removes once more',
    file: 'manager/mutation.ts',
    find: "[{ kind: 'unguard', addresses, id: this.#id } as const] : [];",
    replace: '([] as never[]) : [];',
    faults: [],
  },
  {
    name: 'own changes are made again on another history',
    file: 'tiers/redis/link.ts',
    find: 'if (old && this.#hasMoved(old, session)) await this.events.moved(session);',
    replace: '',
    faults: ['old-snapshot'],
  },
  {
    name: 'a replay has every number',
    file: 'tiers/redis/replay.ts',
    find: ' || message.number !== lastNumber + 1',
    replace: '',
    faults: ['evict', 'cut'],
  },
  {
    name: 'a replay is of one history',
    file: 'tiers/redis/replay.ts',
    find: "  if (old.history === '' || old.history !== session.history) return false;\n",
    replace: '',
    faults: ['old-snapshot', 'cut'],
  },
  {
    name: 'memory is not trusted after silence',
    file: 'manager/trust.ts',
    find: 'else this.l1.trusted = false;',
    replace: '',
    faults: ['freeze', 'cut'],
  },
  {
    name: 'memory forgets while Redis is away',
    file: 'manager/trust.ts',
    find: '        this.l1.flush();\n',
    replace: '',
    faults: ['down', 'apart'],
  },
  {
    name: 'a late set does not overwrite what came after it',
    file: DATABASE,
    find: 'return !old || old.ver <= known || old.tl !== row.tl;',
    replace: 'return true;',
    faults: ['pg-freeze'],
    tiers: 'l1+l3',
  },
  {
    name: 'a delete removes also over a later number',
    file: DATABASE,
    find: 'rows.set(name, { ...row, ver: this.#later(row, old), guards: old?.guards });',
    replace: 'if (!old || old.ver <= row.ver) rows.set(name, { ...row, guards: old?.guards });',
    faults: [],
    tiers: 'l1+l3',
  },
  {
    name: 'strong: the store is asked for numbers',
    file: 'tiers/redis/redis-tier.ts',
    find: 'await this.#tags.refresh(address, read.entry.tags);',
    replace: '',
    faults: [],
  },
  {
    name: 'strong: memory does not answer',
    file: 'manager/cache.ts',
    find: "if (consistency === 'strong' || tiers",
    replace: 'if (tiers',
    faults: [],
  },
  {
    name: 'strong: a load that runs is not joined',
    file: 'manager/read-path.ts',
    find: 'isStrong(life) ? undefined : flights.find(address, variantOf(life))',
    replace: 'flights.find(address, variantOf(life))',
    faults: [],
  },
  {
    name: 'a removal always gives a new number',
    file: DATABASE,
    find: 'return !old || old.ver < row.ver ? row.ver : this.#nextval();',
    replace: 'return Math.max(row.ver, old?.ver ?? 0);',
    faults: [],
    tiers: 'l1+l3',
  },
];
