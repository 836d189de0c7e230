/** What a statement of the application's says of its transaction. Not a parser: where it is in doubt, it is a write. */

const COMMENTS = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/;
const READS =
  /^(?:select|show|values|table|set|reset|begin|start|savepoint|release|rollback|commit|declare|fetch|close|discard|listen|unlisten)\b/i;
const CHANGES = /\b(?:insert|update|delete|merge)\b/i;
const SNAPSHOT =
  /^(?:set|start|begin)\b.*\bisolation\s+level\s+(?:repeatable\s+read|serializable)/is;

/** Whether it may change data. A function that writes, called by a `select`, is not seen. */
export function writes(statement: string): boolean {
  const text = statement.replace(COMMENTS, '');
  if (/^with\b/i.test(text)) return CHANGES.test(text);
  return !READS.test(text);
}

/** Whether its transaction goes on seeing the database as it was. */
export function snapshotLevel(statement: string): boolean {
  return SNAPSHOT.test(statement.replace(COMMENTS, ''));
}
