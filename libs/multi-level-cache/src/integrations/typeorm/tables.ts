/**
 * Which tables a query reads, found in its text. Rather one too many than one too few: whatever could be the name of an
 * entity's table counts as one, so that joins, sub-queries, views and hand-written parts are all seen.
 */
import type { DataSource, EntityMetadata } from 'typeorm';

const MAX_KNOWN = 2_000;
const QUOTES = /["`[\]]/g;
const WORDS = /[\w$\u0080-\uffff]+(?:\s*\.\s*[\w$\u0080-\uffff]+)*/g;
const PLAIN = /^[\w$\u0080-\uffff]+$/;
/** Names that are words of SQL count only where they are quoted. */
const RESERVED = new Set(
  'all,and,any,array,as,asc,case,check,column,default,desc,distinct,else,end,for,from,grant,group,having,in,limit,not,offset,on,or,order,primary,references,select,table,then,to,union,unique,user,using,when,where,window,with'.split(
    ',',
  ),
);

/** A table, and how often a query names it. */
export interface Mention {
  readonly metadata: EntityMetadata;
  readonly times: number;
}

/** The tables of one DataSource by name; made anew when its entities are. */
export class Tables {
  readonly #byName = new Map<string, EntityMetadata[]>();
  readonly #odd: EntityMetadata[] = [];
  readonly #known = new Map<string, readonly Mention[]>();
  readonly #views = new Map<string, string>();

  private constructor(readonly dataSource: DataSource) {
    for (const metadata of dataSource.entityMetadatas) {
      const name = metadata.tableName.toLowerCase();
      if (!PLAIN.test(name) || RESERVED.has(name)) this.#odd.push(metadata);
      else this.#byName.set(name, [...(this.#byName.get(name) ?? []), metadata]);
      const { expression } = metadata;
      if (expression === undefined) continue;
      const sql = typeof expression === 'string' ? expression : expression(dataSource).getQuery();
      this.#views.set(metadata.tablePath, sql);
    }
  }

  static of(dataSource: DataSource): Tables {
    const { entityMetadatas } = dataSource;
    let tables = known.get(entityMetadatas);
    if (!tables) known.set(entityMetadatas, (tables = new Tables(dataSource)));
    return tables;
  }

  /** Tables a query names, each once, those behind views too. */
  in(sql: string): readonly Mention[] {
    const found = this.#known.get(sql);
    if (found) return found;
    const paths = new Map<string, { metadata: EntityMetadata; times: number }>();
    this.#collect(sql, paths);
    const mentions = [...paths.values()];
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(sql, mentions);
    return mentions;
  }

  #collect(sql: string, paths: Map<string, { metadata: EntityMetadata; times: number }>): void {
    const views: string[] = [];
    const count = (metadata: EntityMetadata): void => {
      const { tablePath } = metadata;
      const seen = paths.get(tablePath);
      if (seen) seen.times++;
      else {
        paths.set(tablePath, { metadata, times: 1 });
        const view = this.#views.get(tablePath);
        if (view !== undefined) views.push(view);
      }
    };
    const text = sql.replace(QUOTES, '').toLowerCase();
    let before: string | undefined;
    let end = 0;
    for (const { 0: path, index } of text.matchAll(WORDS)) {
      const parts = path.split('.').map((part) => part.trim());
      // `"town" "Town"`: the table, and what it is called here.
      const alias = path === before && text.slice(end, index).trim() === '';
      before = parts.at(-1);
      end = index + path.length;
      if (alias) continue;
      const owners = new Set<string>();
      for (const metadata of this.#byName.get(parts.at(-1)!) ?? []) {
        // Entities of one table are one mention.
        if (owners.has(metadata.tablePath) || !this.#fits(metadata, parts.at(-2))) continue;
        owners.add(metadata.tablePath);
        count(metadata);
      }
    }
    for (const metadata of this.#odd) {
      const { tableName } = metadata;
      const quoted = [`"${tableName}"`, `\`${tableName}\``, `[${tableName}]`];
      if (quoted.some((name) => sql.includes(name))) count(metadata);
    }
    for (const view of views) this.#collect(view, paths);
  }

  /** Whether what stands before the name may be this table's schema; else the name is a column's. */
  #fits({ schema, database }: EntityMetadata, qualifier: string | undefined): boolean {
    if (qualifier === undefined) return true;
    const { driver } = this.dataSource;
    const own = schema ?? database ?? driver.schema ?? 'public';
    return qualifier === own.toLowerCase() || qualifier === driver.database?.toLowerCase();
  }
}

const known = new WeakMap<object, Tables>();
