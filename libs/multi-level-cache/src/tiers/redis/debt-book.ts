/** What L3 has not taken, as Redis remembers it: one hash, written by the script that announces the change. */
import { decodeChange } from '../../core/change.js';
import type { DebtBook, SharedDebt } from '../../core/tier.js';
import type { Link } from './link.js';

const SOME = 1_000;

export class RedisDebtBook implements DebtBook {
  constructor(readonly link: Link) {}

  async debts(): Promise<readonly SharedDebt[]> {
    const { commands, keys, session } = this.link;
    for (let cursor = '0'; ;) {
      const [next, flat] = (await commands.call(
        keys.debts,
        'HSCAN',
        keys.debts,
        cursor,
        'COUNT',
        SOME,
      )) as [Buffer, Buffer[]];
      const found: SharedDebt[] = [];
      const rubbish: string[] = [];
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const [id, body] = [String(flat[at]), String(flat[at + 1])];
        const change = decodeChange(body.slice(0, 1), body.slice(1));
        if (change) found.push({ id, change });
        else rubbish.push(id);
      }
      if (rubbish.length > 0) await this.strike(rubbish);
      if (found.length > 0) return found;
      cursor = String(next);
      if (cursor !== '0') continue;
      // Nothing outstanding, unless it is another history that says so.
      if (this.link.session.epoch !== session.epoch) throw new Error('the epoch has changed');
      return found;
    }
  }

  async strike(ids: readonly string[]): Promise<void> {
    const { commands, keys } = this.link;
    await commands.call(keys.debts, 'HDEL', keys.debts, ...ids);
  }
}
