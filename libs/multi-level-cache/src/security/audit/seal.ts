/** What nobody can make without the audit key: hashes of names, of records and of checkpoints. Pure. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import {
  AUDIT_FIELDS,
  CHECKPOINT_FIELDS,
  type AuditCheckpoint,
  type AuditRecord,
} from '../../core/audit.js';
import type { AuditKey } from '../../core/audit-options.js';
import { CacheError } from '../../core/errors.js';

const KEY_BYTES = 32;
/** 8 bytes tell keys apart, and are no use without the audit key. */
const NAME_DIGITS = 16;
const MAX_RECENT = 4_096;

type Unsealed = Omit<AuditRecord, 'hash'>;
type Unmarked = Omit<AuditCheckpoint, 'mac'>;

/** Keys for one purpose each, derived from the one that the application gives. */
export class AuditSeal {
  readonly #records: Buffer;
  readonly #checkpoints: Buffer;
  readonly #names: Buffer;
  /** The same keys and subjects come again and again, and a hash costs 3 µs. */
  readonly #recent = new Map<string, string>();

  /** @throws CacheError `CACHE_CONFIG_INVALID` for less than 32 bytes; the message does not show them. */
  constructor(key: AuditKey) {
    const secret = bytesOf(key);
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync('sha256', secret, '', `mlcache audit ${purpose}`, KEY_BYTES));
    [this.#records, this.#checkpoints, this.#names] = ['records', 'checkpoints', 'names'].map(
      derive,
    );
  }

  /** Stands for a key, tag or subject; `kind` keeps those apart that are spelled alike. */
  name(kind: 'key' | 'tag' | 'subject', text: string): string {
    const whole = `${kind}\u0000${text}`;
    const known = this.#recent.get(whole);
    if (known !== undefined) return known;
    if (this.#recent.size >= MAX_RECENT) this.#recent.clear();
    const name = hmac(this.#names, whole).toString('hex').slice(0, NAME_DIGITS);
    this.#recent.set(whole, name);
    return name;
  }

  hash(record: Unsealed): string {
    return hmac(this.#records, canonical(record, RECORD_PARTS)).toString('base64url');
  }

  /** Whether `hash` is that of this record. */
  owns(record: AuditRecord): boolean {
    return equal(this.hash(record), record.hash);
  }

  mac(checkpoint: Unmarked): string {
    return hmac(this.#checkpoints, canonical(checkpoint, CHECKPOINT_PARTS)).toString('base64url');
  }

  /** Whether `mac` is that of this checkpoint. */
  made(checkpoint: AuditCheckpoint): boolean {
    return equal(this.mac(checkpoint), checkpoint.mac);
  }
}

const RECORD_PARTS = AUDIT_FIELDS.filter((name) => name !== 'hash');
const CHECKPOINT_PARTS = CHECKPOINT_FIELDS.filter((name) => name !== 'mac');

/** Injective: a list in a fixed order, where texts, numbers and what is left out look different. */
function canonical<T>(value: T, parts: readonly (keyof T)[]): string {
  return JSON.stringify(parts.map((part) => value[part] ?? null));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function equal(right: string, given: unknown): boolean {
  const [a, b] = [Buffer.from(right), Buffer.from(String(given))];
  return a.length === b.length && timingSafeEqual(a, b);
}

function bytesOf(key: unknown): Buffer {
  const bytes =
    typeof key === 'string'
      ? Buffer.from(key)
      : key instanceof Uint8Array
        ? Buffer.from(key)
        : Buffer.alloc(0);
  if (bytes.length < KEY_BYTES)
    throw new CacheError(
      'CACHE_CONFIG_INVALID',
      `security.audit.key must give a text or a Buffer of at least ${KEY_BYTES} bytes`,
    );
  return bytes;
}
