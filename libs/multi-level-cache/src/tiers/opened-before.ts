/** Envelopes that were opened lately: bytes that come again unchanged are not parsed, weighed and frozen again. */
import { ID_BYTES, ID_OFFSET, type Opened } from '../core/envelope.js';
import type { Address } from '../core/key.js';
import { openFor, type Unopened } from '../core/sealed.js';
import { deepFreeze } from '../core/value.js';

/** Of the bytes that are kept, twice this at most; what they became is a few times as much. */
const HALF_BYTES = 2 * 1024 ** 2;
const HALF_ENTRIES = 8_192;
const NOT_READ = 0;

interface Known {
  /** The tier's that has read it. */
  readonly by: OpenedBefore;
  readonly opened: Opened & { readonly kept: Buffer };
  /** The half it was last used in. */
  half: number;
}

/**
 * What bytes stand for depends on them and their key alone, so the same bytes need no second look: a read of a shared tier then
 * costs no more than the question. All bytes are compared, not the id of the write: a store also changes times in place.
 *
 * Kept from the second read of a write on, for most keys are never read twice. Not kept: what is encrypted or may not be held
 * in memory, and what every caller gets a copy of. Each is kept by its address, for a map of them costs as much as comparing;
 * here are the addresses that keep one, in two halves: when the younger one is full, those of the older one forget what was not
 * used since.
 */
export class OpenedBefore {
  #half = 0;
  #young: Address[] = [];
  #old: Address[] = [];
  /** Of the younger half. */
  #bytes = 0;

  /** @param shared - callers may change what they get, and the next ones would see it: nothing is kept. */
  constructor(readonly shared = false) {}

  open(address: Address, bytes: Buffer): Opened | Unopened {
    const known = this.#knownOf(address);
    if (known?.opened.kept.equals(bytes)) {
      if (known.half !== this.#half) this.#keep(address, known);
      return known.opened;
    }
    const opened = openFor(address, bytes);
    if (typeof opened === 'object' && this.#again(address, bytes) && !opened.shape.copied) {
      // Its readers share it from now on.
      deepFreeze(opened.value);
      // A copy: the bytes that came are a part of much larger ones.
      const kept = Object.assign(opened, { kept: Buffer.from(bytes) });
      this.#keep(address, { by: this, opened: kept, half: this.#half });
    }
    return opened;
  }

  #knownOf({ opened }: Address): Known | undefined {
    const known = opened as Known | undefined;
    return known?.by === this ? known : undefined;
  }

  #keep(address: Address, known: Known): void {
    const { length } = known.opened.kept;
    if (this.#young.length >= HALF_ENTRIES || this.#bytes + length > HALF_BYTES) this.#turn();
    known.half = this.#half;
    address.opened = known;
    this.#young.push(address);
    this.#bytes += length;
  }

  #turn(): void {
    for (const address of this.#old) {
      const known = this.#knownOf(address);
      if (known && known.half < this.#half) address.opened = undefined;
    }
    this.#old = this.#young;
    this.#young = [];
    this.#bytes = 0;
    this.#half++;
  }

  /** Whether this write of the key was read before; what must not be kept never was. */
  #again(address: Address, bytes: Buffer): boolean {
    const { cache, rules } = address.scope;
    if (this.shared || rules.vault || rules.noL1?.has(cache)) return false;
    const id = bytes.readUInt32BE(ID_OFFSET + ID_BYTES - 4);
    if (address.lastRead === id && id !== NOT_READ) return true;
    address.lastRead = id;
    return false;
  }
}
