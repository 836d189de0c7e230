// `npm run bench:security [-- --only hits,audit,encryption,messages,walls] [-- --trials 5]`: what security costs, each figure against
// its bar: medians, with the least and the most. Exit code 1: a bar was missed.
import { runParts } from './parts.mjs';
import { audit } from './security/audit.mjs';
import { encryption } from './security/encryption.mjs';
import { hits } from './security/hits.mjs';
import { messages } from './security/messages.mjs';
import { walls } from './security/walls.mjs';

// PostgreSQL flushes to the disk as that of an application does.
const DURABLE = { fsync: 'on', full_page_writes: 'on' };

await runParts({ hits, audit, encryption, messages, walls }, DURABLE);
