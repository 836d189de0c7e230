// Reads one envelope in a process of its own, from standard input, and says by how much more memory than before it ever held, in bytes.
import { buffer } from 'node:stream/consumers';
import { open } from '../../libs/multi-level-cache/dist/core/envelope.js';

const bytes = await buffer(process.stdin);
const [high, low] = process.argv.slice(2).map(Number);
const most = () => 1024 * process.resourceUsage().maxRSS;
const before = most();
const taken = open(bytes, { high, low }) !== undefined;
process.stdout.write(JSON.stringify({ taken, grown: most() - before }));
