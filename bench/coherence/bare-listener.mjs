// The least a process can do to hear of others through PostgreSQL: LISTEN, and pg_notify with nothing stored.
import pg from 'pg';
import { announceAt, now, serve } from './support.mjs';

const { database } = JSON.parse(process.argv[2]);
const [commands, tail] = [database, database].map(
  (connectionString) => new pg.Client({ connectionString }),
);
await Promise.all([commands.connect(), tail.connect()]);
let listener;
tail.on('notification', ({ payload }) => {
  if (JSON.parse(payload)) listener?.();
});
await tail.query('listen bare');

serve({
  prepare: async () => {
    await commands.query('select 1');
  },
  listen: (keys) =>
    new Promise((resolve) => {
      const at = [];
      listener = () => {
        if (at.push(now()) === keys.length) resolve({ at, still: 0 });
      };
    }),
  announce: (how) =>
    announceAt(how, (key) => {
      const values = ['bare', JSON.stringify([['p', 'default', key]])];
      return commands.query({ name: 'tell', text: 'select pg_notify($1, $2)', values });
    }),
});
