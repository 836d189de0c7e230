/** Encrypted entries made anew: with other times, which their seal covers, or by a newer key. Written only over what they were made of. */
import { ID_BYTES, ID_OFFSET, type Opened } from '../../core/envelope.js';
import type { Address } from '../../core/key.js';
import { openFor, resealed } from '../../core/sealed.js';
import { Once } from '../once.js';
import type { Link } from './link.js';
import { ENTRY, MODE } from './scripts.js';
import type { Session } from './session.js';

const ID_END = ID_OFFSET + ID_BYTES;
const MS_DIGITS = 12;
/** For the scripts: leave it as it is, or go by the mode. */
const NOTHING = Buffer.alloc(0);

interface Found {
  readonly bytes: Buffer;
  readonly session: Session;
}

export class Resealing {
  readonly #once = new Once();

  constructor(readonly link: Link) {}

  /** Seals by the newest key what was found under an older one; nobody waits for it. */
  run(address: Address, opened: Opened, { bytes, session }: Found): void {
    this.#once.run(address.name, async () => {
      const left = opened.createdAt + opened.ttl + opened.grace - this.#latest(session);
      const envelope = resealed(address, bytes);
      if (!envelope || left < 1) return;
      const body = bodyOf(bytes, left, envelope);
      const { commands } = this.link;
      const names = [address.entryKey, address.leaseKey];
      await commands.run(ENTRY, names, [MODE.reseal, body, 0]);
    });
  }

  /** For `expire` (`ms` 0) and `touch`: what the scripts put in the place of the entry. Nothing where it is not encrypted. */
  async bodies(
    addresses: readonly Address[],
    ms: number,
    session: Session,
  ): Promise<readonly Buffer[]> {
    return Promise.all(
      addresses.map(async (address) => {
        const { commands } = this.link;
        const bytes = await commands.call(address.entryKey, 'GET', address.entryKey);
        if (!Buffer.isBuffer(bytes)) return NOTHING;
        const opened = openFor(address, bytes);
        return typeof opened === 'string'
          ? NOTHING
          : this.#renewed(address, opened, ms, { bytes, session });
      }),
    );
  }

  /** As the scripts do it to plain entries: a life never gets longer by what is not known of the server's clock. */
  #renewed(address: Address, opened: Opened, ms: number, { bytes, session }: Found): Buffer {
    const { createdAt, ttl, grace } = opened;
    const now = this.#latest(session);
    const isFresh = now < createdAt + ttl;
    const age = Math.max(Math.floor(now - createdAt - uncertain(session)), 0);
    if (ms > 0 ? !isFresh : ttl === 0) return leave(bytes);
    const life = ms > 0 ? { ttl: age + ms, grace } : { ttl: 0, grace: Math.min(age, ttl) + grace };
    const end = ms > 0 ? now + ms + grace : isFresh ? now + grace : createdAt + ttl + grace;
    const envelope =
      end - now < 1 || (ms === 0 && grace === 0) ? undefined : resealed(address, bytes, life);
    return envelope ? bodyOf(bytes, end - now, envelope) : NOTHING;
  }

  /** The server's time, as late as it can be. */
  #latest({ offset }: Session): number {
    return this.link.clock.now() + offset.most;
  }
}

function uncertain({ offset }: Session): number {
  return offset.most - offset.least;
}

function leave(bytes: Buffer): Buffer {
  return bodyOf(bytes, 0, NOTHING);
}

/** Id of what it was made of, ms to live, envelope; see the scripts. */
function bodyOf(from: Buffer, ms: number, envelope: Buffer): Buffer {
  const id = from.subarray(ID_OFFSET, ID_END);
  return Buffer.concat([
    id,
    Buffer.from(String(Math.floor(ms)).padStart(MS_DIGITS, '0')),
    envelope,
  ]);
}
