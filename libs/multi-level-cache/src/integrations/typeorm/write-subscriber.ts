/** Turns what TypeORM tells of writes into tags, and has them invalidated: now, or after the transaction. */
import type {
  AfterQueryEvent,
  EntityManager,
  EntityMetadata,
  EntitySubscriberInterface,
  InsertEvent,
  ObjectLiteral,
  QueryRunner,
  RecoverEvent,
  RemoveEvent,
  SoftRemoveEvent,
  UpdateEvent,
} from 'typeorm';
import type { CacheManager } from '../../manager/cache-manager.js';
import { noteStatement } from './session.js';
import { rowsTag, rowTag, tableTag } from './tags.js';

/** More single rows than this are all rows. */
const MAX_ROWS = 100;

interface Written {
  readonly manager: EntityManager;
  /** By table: its rows by tag, or `undefined` = nobody knows which. */
  readonly tables: Map<EntityMetadata, Set<string> | undefined>;
  readonly done: Promise<void>;
}

export class WriteSubscriber implements EntitySubscriberInterface {
  /** Events of one statement come together. */
  readonly #written = new Map<QueryRunner, Written>();

  constructor(readonly cache: CacheManager) {}

  afterInsert(event: InsertEvent<ObjectLiteral>): Promise<void> {
    const { entity, entityId } = event;
    // Without `entityId` it is a statement's, which may have updated other rows instead.
    return this.#note(event, entityId === undefined ? undefined : entity);
  }

  /** A statement's event has the values that were set and nothing else. */
  afterUpdate(event: UpdateEvent<ObjectLiteral>): Promise<void> {
    return this.#note(event, event.databaseEntity);
  }

  afterRemove(event: RemoveEvent<ObjectLiteral>): Promise<void> {
    return this.#note(event, event.databaseEntity);
  }

  afterSoftRemove(event: SoftRemoveEvent<ObjectLiteral>): Promise<void> {
    return this.#note(event, event.databaseEntity);
  }

  afterRecover(event: RecoverEvent<ObjectLiteral>): Promise<void> {
    return this.#note(event, event.databaseEntity);
  }

  afterQuery(event: AfterQueryEvent): Promise<void> | undefined {
    return noteStatement(event)?.catch(() => undefined);
  }

  #note(
    event: { manager: EntityManager; metadata: EntityMetadata; queryRunner: QueryRunner },
    row: ObjectLiteral | undefined,
  ): Promise<void> {
    const { manager, metadata, queryRunner } = event;
    let written = this.#written.get(queryRunner);
    if (!written) {
      const tables: Written['tables'] = new Map();
      const done = Promise.resolve().then(() => this.#flush(queryRunner));
      this.#written.set(queryRunner, (written = { manager, tables, done }));
    }
    const { tables, done } = written;
    const tag = row && tagOf(metadata, row);
    const rows = tables.has(metadata) ? tables.get(metadata) : new Set<string>();
    if (tag !== undefined && rows && rows.size < MAX_ROWS) tables.set(metadata, rows.add(tag));
    else tables.set(metadata, undefined);
    return done;
  }

  /** Never rejects: the row has been written. */
  async #flush(runner: QueryRunner): Promise<void> {
    const written = this.#written.get(runner);
    this.#written.delete(runner);
    if (!written) return;
    const tags = [...written.tables].flatMap(([metadata, rows]) => [
      tableTag(metadata),
      ...(rows ?? [rowsTag(metadata)]),
    ]);
    try {
      // At once, or with the transaction that the manager works in.
      await this.cache.invalidateIn(written.manager, { tags });
    } catch {
      // Nothing a caller could do about it; the entries end with their ttl.
    }
  }
}

/** An entity may have getters of its own, and they may throw: nobody knows which row it is then. */
function tagOf(metadata: EntityMetadata, row: ObjectLiteral): string | undefined {
  try {
    return rowTag(metadata, (column) => column.getEntityValue(row) as unknown);
  } catch {
    return undefined;
  }
}
