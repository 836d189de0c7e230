/** A file of JSON lines: what is added is on the disk before it counts as written. One process writes one file. */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  AUDIT_FIELDS,
  CHECKPOINT_FIELDS,
  type AuditCheckpoint,
  type AuditRecord,
  type AuditSink,
} from '../../core/audit.js';

const OWNER_ONLY = 0o600;
const NEWLINE = 0x0a;

/** Where checkpoints go that have no file of their own. */
export function checkpointFile(file: string): string {
  return `${file}.checkpoints`;
}

export class JsonLinesSink implements AuditSink {
  readonly #records: LineFile;
  readonly #checkpoints: LineFile;

  constructor(file: string) {
    this.#records = new LineFile(file);
    this.#checkpoints = new LineFile(checkpointFile(file));
  }

  write(records: readonly AuditRecord[]): Promise<void> {
    return this.#records.append(records.map(recordLine).join(''));
  }

  checkpoint(checkpoint: AuditCheckpoint): Promise<void> {
    return this.#checkpoints.append(checkpointLine(checkpoint));
  }

  async close(): Promise<void> {
    await Promise.all([this.#records.close(), this.#checkpoints.close()]);
  }
}

/** Checkpoints alone, as a second place for them. */
export class CheckpointFile implements AuditSink {
  readonly #file: LineFile;

  constructor(file: string) {
    this.#file = new LineFile(file);
  }

  async write(): Promise<void> {
    // Records are the first sink's.
  }

  checkpoint(checkpoint: AuditCheckpoint): Promise<void> {
    return this.#file.append(checkpointLine(checkpoint));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A line that is no record, or not spelled as we spell it, is `undefined`. */
export function readRecord(line: string): AuditRecord | undefined {
  return read<AuditRecord>(line, recordLine);
}

export function readCheckpoint(line: string): AuditCheckpoint | undefined {
  return read<AuditCheckpoint>(line, checkpointLine);
}

function recordLine(record: AuditRecord): string {
  return `${JSON.stringify(record, [...AUDIT_FIELDS])}\n`;
}

function checkpointLine(checkpoint: AuditCheckpoint): string {
  return `${JSON.stringify(checkpoint, [...CHECKPOINT_FIELDS])}\n`;
}

/** What the hash does not cover, such as a member of another name, must not be there. */
function read<T>(line: string, spell: (value: T) => string): T | undefined {
  try {
    const value = JSON.parse(line) as T;
    return typeof value === 'object' && value !== null && spell(value) === `${line}\n`
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** A file that is only ever added to. */
class LineFile {
  #handle: FileHandle | undefined;
  #size = 0;

  constructor(readonly file: string) {}

  async append(lines: string): Promise<void> {
    const bytes = Buffer.from(lines);
    this.#handle ??= await this.#open();
    try {
      await writeAll(this.#handle, bytes);
      await this.#handle.datasync();
      this.#size += bytes.length;
    } catch (error) {
      // The same lines come again: half of them must not stay.
      await this.#handle.truncate(this.#size).catch(() => undefined);
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.file), { recursive: true });
    const handle = await open(this.file, 'a+', OWNER_ONLY);
    const { size } = await handle.stat();
    this.#size = size;
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    // A process that was killed left half a line behind.
    if (size > 0 && last[0] !== NEWLINE) {
      await handle.write('\n');
      this.#size++;
    }
    return handle;
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at);
    at += bytesWritten;
  }
}
