/** Envelopes that were opened lately: bytes that come again unchanged are not parsed, weighed and frozen again. */
import { ID_BYTES, ID_OFFSET, type Opened } from '../core/envelope.js';
import type { Address } from '../core/key.js';
import { openFor, type Unopened } from '../core/sealed.js';
import { deepFreeze } from '../core/value.js';

/** Of the bytes that are kept, in each of the two halves; what they became is a few times as much. */
const HALF_BYTES = 2 * 1024 ** 2;
const HALF_ENTRIES = 8_192;
const NOT_READ = 0;

interface Known {
  /** A copy: the bytes that came are a part of much larger ones. */
  readonly bytes: Buffer;
  readonly opened: Opened;
}

/**
 * What bytes stand for depends on them and their key alone, so the same bytes need no second look: a read of a shared tier then
 * costs no more than the question. All bytes are compared, not the id of the write: a store also changes times in place.
 *
 * Kept from the second read of a write on, for most keys are never read twice. Not kept: what is encrypted or may not be held
 * in memory, and what every caller gets a copy of. In two halves: when the younger is full, the older goes.
 */
export class OpenedBefore {
  #young = new Map<Address, Known>();
  #old = new Map<Address, Known>();
  #bytes = 0;

  /** @param shared - callers may change what they get, and the next ones would see it: nothing is kept. */
  constructor(readonly shared = false) {}

  open(address: Address, bytes: Buffer): Opened | Unopened {
    const known = this.#find(address);
    if (known?.bytes.equals(bytes)) return known.opened;
    const opened = openFor(address, bytes);
    if (typeof opened === 'object' && this.#again(address, bytes) && !opened.shape.copied) {
      // Its readers share it from now on.
      deepFreeze(opened.value);
      this.#keep(address, { bytes: Buffer.from(bytes), opened });
    }
    return opened;
  }

  #find(address: Address): Known | undefined {
    const young = this.#young.get(address);
    if (young) return young;
    const old = this.#old.get(address);
    if (old) this.#keep(address, old);
    return old;
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

  #keep(address: Address, known: Known): void {
    if (known.bytes.length > HALF_BYTES) return;
    this.#bytes += known.bytes.length;
    if (this.#bytes > HALF_BYTES || this.#young.size >= HALF_ENTRIES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = known.bytes.length;
    }
    this.#young.set(address, known);
  }
}
