/** Reads one chain record by record, and finds out what was done to it; keeps a few numbers of it only. Pure. */
import type { AuditCheckpoint, AuditRecord } from '../../core/audit.js';
import type { AuditSeal } from './seal.js';

/**
 * `edit`: a record is not what was written. `delete`: records are missing. `insert`: one was never written there, or stands there
 * twice. `reorder`: one stands elsewhere. `truncation`: the end that a checkpoint has seen is missing.
 */
export type FaultKind = 'edit' | 'delete' | 'insert' | 'reorder' | 'truncation';

export interface ChainFault {
  readonly seq: number;
  readonly kind: FaultKind;
}

/** Faults told of one chain; what it was is clear by then. */
const MOST_FAULTS = 100;
const MOST_SUSPECTS = 1_000;
const MOST_GAPS = 1_000;

interface Found {
  seq: number;
  kind: FaultKind;
  /** Hash of the record that stands there, and of the one that its follower wants there. */
  readonly found?: string | undefined;
  readonly wanted?: string | undefined;
}

export class ChainCheck {
  records = 0;
  /** Events that its process could not keep. */
  lost = 0;
  closed = false;
  /** Of the newest record. */
  lastTs = 0;
  /** The chain of the same process before this one. */
  previous: string | undefined;
  openedAt = 0;
  instanceId = '';
  #seal: AuditSeal | undefined;
  #seq = 0;
  #head = '';
  /** By how much numbers were moved from some record on. */
  #shift = 0;
  /** First and last numbers that have not come yet. */
  readonly #missing: [number, number][] = [];
  /** Records whose hash is not theirs, until the next one shows whether they stand in some other's place. */
  #suspects: { readonly seq: number; readonly hash: string }[] = [];
  readonly #found: Found[] = [];
  /** How often something was not as it should be. */
  #told = 0;

  constructor(
    readonly chainId: string,
    readonly seals: readonly AuditSeal[],
    readonly checkpoint: AuditCheckpoint | undefined,
  ) {}

  /** Some record is what one of the keys has made. */
  get fits(): boolean {
    return this.#seal !== undefined;
  }

  /** Whether the record is one of this chain: what it says may be believed. */
  take(record: AuditRecord): boolean {
    this.records++;
    this.instanceId ||= record.instanceId;
    const seq = this.#authentic(record);
    if (seq === undefined) {
      this.#suspects.push({ seq: record.seq, hash: record.hash });
      if (this.#suspects.length > MOST_SUSPECTS) this.#giveUp();
      return false;
    }
    this.#note(record, seq);
    const told = this.#told;
    if (seq <= this.#seq) this.#late(seq);
    else this.#follow(record, seq);
    const moved = record.seq - seq;
    if (moved !== 0 && moved !== this.#shift && told === this.#told) this.#tell(seq, 'edit');
    this.#shift = moved;
    return true;
  }

  /** Everything has been read. */
  end(): readonly ChainFault[] {
    const known = this.checkpoint;
    if (this.closed) for (const { seq } of this.#suspects) this.#tell(seq, 'insert');
    else this.#giveUp();
    for (const [seq] of this.#missing) this.#tell(seq, 'delete');
    if (known && known.seq > this.#seq) this.#tell(this.#seq + 1, 'truncation');
    const wanted = new Map(this.#found.map((fault) => [fault.wanted, fault]));
    for (const fault of this.#found) {
      const home = fault.found === undefined ? undefined : wanted.get(fault.found);
      // What stands here is missing there.
      if (home && home !== fault) fault.kind = 'reorder';
    }
    return this.#found
      .map(({ seq, kind }) => ({ seq, kind }))
      .toSorted((one, other) => one.seq - other.seq);
  }

  /** The number under which its hash is right; its own may have been changed so that it stands elsewhere. */
  #authentic(record: AuditRecord): number | undefined {
    const fits = (seal: AuditSeal): boolean => seal.owns(record);
    this.#seal ??= this.seals.find(fits);
    const seal = this.#seal;
    if (!seal) return undefined;
    if (fits(seal)) return record.seq;
    const { seq } = record;
    const elsewhere = [this.#seq + 1, seq - this.#shift, seq + 1, seq - 1, this.#missing[0]?.[0]];
    return elsewhere.find((other) => other !== undefined && seal.owns({ ...record, seq: other }));
  }

  #note(record: AuditRecord, seq: number): void {
    this.lastTs = Math.max(this.lastTs, record.ts);
    if (record.eventType === 'overflow') this.lost += record.count;
    if (record.eventType === 'chain-close') this.closed = true;
    if (seq === 1) [this.openedAt, this.previous] = [record.ts, record.reason];
    const { checkpoint } = this;
    if (seq === checkpoint?.seq && record.hash !== checkpoint.head) this.#tell(seq, 'edit');
  }

  #follow({ hash, prevHash }: AuditRecord, seq: number): void {
    const suspects = this.#suspects;
    const first = this.#seq + 1;
    if (suspects.length > 0) {
      this.#suspects = [];
      this.#explain(suspects, first, seq, prevHash);
    } else if (seq > first) this.#miss(first, seq - 1);
    else if (prevHash !== this.#head) this.#tell(seq, 'edit');
    this.#seq = seq;
    this.#head = hash;
  }

  /** Records that are none stand before `seq`, where `first` and those after it should: in their place, or besides. */
  #explain(
    suspects: readonly { readonly seq: number; readonly hash: string }[],
    first: number,
    seq: number,
    prevHash: string,
  ): void {
    let place = first;
    for (const [at, { seq: number, hash }] of suspects.entries()) {
      if (place >= seq) this.#tell(number, 'insert');
      else {
        const last = at === suspects.length - 1 || place === seq - 1;
        this.#tell(place++, 'edit', hash, last ? prevHash : undefined);
      }
    }
    if (place < seq) this.#miss(place, seq - 1);
  }

  /** It should have come earlier. */
  #late(seq: number): void {
    const at = this.#missing.findIndex(([from, to]) => from <= seq && seq <= to);
    if (at < 0) return this.#tell(seq, 'insert');
    const [from, to] = this.#missing[at];
    const rest: [number, number][] = [
      [from, seq - 1],
      [seq + 1, to],
    ];
    this.#missing.splice(at, 1, ...rest.filter(([a, b]) => a <= b));
    this.#tell(seq, 'reorder');
  }

  /** Nobody comes to explain them. */
  #giveUp(): void {
    for (const { seq, hash } of this.#suspects) {
      this.#tell(seq, 'edit', hash);
      [this.#seq, this.#head] = [Math.max(this.#seq, seq), hash];
    }
    this.#suspects = [];
  }

  #miss(first: number, last: number): void {
    this.#told++;
    // Nobody fills them all again.
    if (this.#missing.length < MOST_GAPS) this.#missing.push([first, last]);
  }

  #tell(seq: number, kind: FaultKind, found?: string, wanted?: string): void {
    this.#told++;
    if (this.#found.length < MOST_FAULTS) this.#found.push({ seq, kind, found, wanted });
  }
}
