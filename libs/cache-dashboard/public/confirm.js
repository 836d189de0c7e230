/** Asks before something is changed, then shows what changed in which tier. */
import { badge, h, replace } from './dom.js';
import { button, buttons, facts, failed, note } from './parts.js';
import { count, NAMES, TIERS } from './words.js';

/** @type {Record<string, [shape: string, word: string]>} */
const APPLIED = {
	ok: ['up', 'done'],
	queued: ['half_open', 'waits until it is back'],
	off: ['off', 'off'],
};

/**
 * Resolves when the dialog has been closed, with whether it was done.
 * @param {{ says: string, about?: string, does: string, run: () => Promise<Done> }} action
 * @returns {Promise<boolean>}
 */
export function confirmed({ about, does, run, says }) {
	const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('ask'));
	let done = false;
	const close = (text) => button(text, () => dialog.close());
	const show = (title, ...rest) =>
		replace(dialog, h('h2', { id: 'ask-says' }, title), about && h('p', { class: 'key' }, about), ...rest);
	const go = async () => {
		start.disabled = true;
		try {
			const rows = receipt(await run());
			done = true;
			show('Done', ...rows, buttons(close('Close')));
		} catch (error) {
			show('Refused', failed(error), buttons(close('Close')));
		}
		dialog.querySelector('button')?.focus();
	};
	const start = button(does, go, { class: 'main' });
	show(says, buttons(close('Cancel'), start));
	dialog.showModal();
	return new Promise((resolve) => dialog.addEventListener('close', () => resolve(done), { once: true }));
}

/** @param {Done} done */
function receipt({ probed, receipt: taken, warmed }) {
	if (probed) return [h('p', {}, `${NAMES[probed.tier]} was ${probed.before}, and is ${probed.after}.`)];
	if (warmed) {
		const words = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
		return [facts(Object.entries(warmed).map(([name, many]) => [words(name), count(many)]))];
	}
	if (!taken) return [];
	const lasts = taken.durable ? 'A shared store holds it: it outlives this process.' : 'Only this process knows of it.';
	const stores = /** @type {const} */ ([...TIERS, 'backplane']);
	return [facts(stores.map((name) => [NAMES[name] ?? 'other instances', badge(...APPLIED[taken[name]])])), note(lasts)];
}
