/** Every rule of the protocol that this simulation carries, and how to take it out: without it, runs must go wrong. */
import type { Fault } from './world.js';

export interface Rule {
  readonly name: string;
  /** Where it stands; a rule inside a Redis script is taken out of the simulated server, which mirrors it. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Under which it is caught soonest. */
  readonly faults: readonly Fault[];
}

const STORE = 'test/simulation/redis-store.ts';

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
  },
  {
    name: 'a late lease is given back',
    file: 'manager/tier-guard.ts',
    find: '      this.#giveBackLate(address, asked);\n',
    replace: '',
    faults: [],
  },
  {
    name: 'a key that is owed bypasses Redis',
    file: 'coherence/debts.ts',
    find: `    return (
      this.#keys.has(keyName(address)) || this.coversTags(address.scope.tenant, address.implied)
    );`,
    replace: '    return false;',
    faults: ['down'],
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
  },
];
