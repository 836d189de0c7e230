/** Envelopes that were opened lately: bytes that come again unchanged are not parsed, weighed and frozen again. */
import { ID_BYTES, ID_OFFSET, type Opened } from '../core/envelope.js';
import type { Clock } from '../core/clock.js';
import type { Address } from '../core/key.js';
import { openFor, type Unopened } from '../core/sealed.js';
import { deepFreeze } from '../core/value.js';

/** Of the bytes that are kept; what they became is a few times as much. */
const MOST_BYTES = 4 * 1024 ** 2;
const MOST_ENTRIES = 16_384;
/** Room is made so often at most, ms. */
const ROOM_MS = 10_000;
const NOT_READ = 0;

interface Known {
  /** The tier's that has read it. */
  readonly by: OpenedBefore;
  readonly opened: Opened & { readonly kept: Buffer };
  /** The stretch between two makings of room in which it was used last. */
  used: number;
}

/**
 * What bytes stand for depends on them and their key alone, so the same bytes need no second look: a read of a shared tier then
 * costs no more than the question. All bytes are compared, not the id of the write: a store also changes times in place.
 *
 * Kept from the second read of a write on, for most keys are never read twice. Not kept: what is encrypted or may not be held
 * in memory, and what every caller gets a copy of. Each is kept by its address, for a map of them costs as much as comparing;
 * here are the addresses that keep one.
 *
 * When there is no room, nothing new is kept, and every ten seconds what was not used since goes. Making room for each new one would
 * turn old objects into garbage with every read, where keys are more than there is room for: what that costs the collector, and all
 * who wait for it, is more than parsing.
 */
export class OpenedBefore {
  #kept: Address[] = [];
  #bytes = 0;
  #stretch = 0;
  /** Before, no room is made. */
  #roomAt = -Infinity;

  /** @param shared - callers may change what they get, and the next ones would see it: nothing is kept. */
  constructor(
    readonly clock: Clock,
    readonly shared = false,
  ) {}

  open(address: Address, bytes: Buffer): Opened | Unopened {
    const known = this.#knownOf(address);
    if (known?.opened.kept.equals(bytes)) {
      known.used = this.#stretch;
      return known.opened;
    }
    const opened = openFor(address, bytes);
    if (typeof opened === 'object' && this.#again(address, bytes) && !opened.shape.copied)
      this.#keep(address, opened, bytes);
    return opened;
  }

  #knownOf({ opened }: Address): Known | undefined {
    const known = opened as Known | undefined;
    return known?.by === this ? known : undefined;
  }

  #keep(address: Address, opened: Opened, bytes: Buffer): void {
    if (!this.#hasRoom(address, bytes)) this.#makeRoom();
    if (!this.#hasRoom(address, bytes)) return;
    // Its readers share it from now on.
    deepFreeze(opened.value);
    // A copy: the bytes that came are a part of much larger ones.
    const kept = Object.assign(opened, { kept: Buffer.from(bytes) });
    const before = this.#knownOf(address);
    if (!before) this.#kept.push(address);
    this.#bytes += bytes.length - bytesOf(before);
    address.opened = { by: this, opened: kept, used: this.#stretch } satisfies Known;
  }

  /** What the address keeps already makes room for what comes. */
  #hasRoom(address: Address, { length }: Buffer): boolean {
    const before = this.#knownOf(address);
    return (
      this.#bytes + length - bytesOf(before) <= MOST_BYTES &&
      (before !== undefined || this.#kept.length < MOST_ENTRIES)
    );
  }

  #makeRoom(): void {
    const now = this.clock.coarse();
    if (now < this.#roomAt) return;
    this.#roomAt = now + ROOM_MS;
    // Each once, and counted anew: another tier may have taken the place in an address.
    const used = new Set<Address>();
    this.#bytes = 0;
    for (const address of this.#kept) {
      const known = this.#knownOf(address);
      if (known === undefined || used.has(address)) continue;
      if (known.used === this.#stretch) {
        used.add(address);
        this.#bytes += bytesOf(known);
      } else address.opened = undefined;
    }
    this.#kept = [...used];
    this.#stretch++;
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

function bytesOf(known: Known | undefined): number {
  return known?.opened.kept.length ?? 0;
}
