/** What L3 has not taken, as Redis remembers it: one hash, written by the script that announces the change. */
import { decodeDebts, type WrittenDebt } from '../../core/change.js';
import type { DebtBook, SharedDebt } from '../../core/tier.js';
import { SealedDebts } from '../sealed-debts.js';
import type { Link } from './link.js';

const SOME = 1_000;
const START = '0';

export class RedisDebtBook implements DebtBook {
  readonly #sealed: SealedDebts | undefined;

  /** @param onRefused - one was not sealed by an instance of this application */
  constructor(
    readonly link: Link,
    onRefused: () => void,
  ) {
    const { seal } = link;
    this.#sealed = seal && new SealedDebts((id, text) => seal.openDebt(id, text), onRefused);
  }

  async debts(): Promise<readonly SharedDebt[]> {
    const { session } = this.link;
    let cursor = START;
    do {
      const page = await this.#page(cursor);
      const { debts, rubbish } = decodeDebts(page.written);
      if (rubbish.length > 0) await this.strike(rubbish);
      if (debts.length > 0) return debts;
      cursor = page.next;
    } while (cursor !== START);
    // Nothing outstanding, unless it is another history that says so.
    if (this.link.session.epoch !== session.epoch) throw new Error('the epoch has changed');
    return [];
  }

  async strike(ids: readonly string[]): Promise<void> {
    const { commands, keys } = this.link;
    await commands.call(keys.debts, 'HDEL', keys.debts, ...ids);
  }

  async #page(cursor: string): Promise<{ next: string; written: readonly WrittenDebt[] }> {
    const { commands, keys } = this.link;
    const reply = await commands.call(keys.debts, 'HSCAN', keys.debts, cursor, 'COUNT', SOME);
    const [next, flat] = reply as [Buffer, Buffer[]];
    const written: WrittenDebt[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const body = String(flat[at + 1]);
      written.push({ id: String(flat[at]), type: body.slice(0, 1), payload: body.slice(1) });
    }
    return { next: String(next), written: this.#sealed?.opened(written) ?? written };
  }
}
