/** Asks before something is changed, then shows what changed in which tier. */
import { act } from './api.js';
import { badge, h, replace } from './dom.js';
import { button, buttons, counts, facts, failed, note } from './parts.js';
import { state } from './stream.js';
import { NAMES, TIERS } from './words.js';

/** @type {Record<string, [shape: string, word: string]>} */
const APPLIED = {
	ok: ['up', 'done'],
	queued: ['half_open', 'waits until it is back'],
	off: ['off', 'off'],
};

/** What an action is called, and what is asked before it. @type {Record<string, [does: string, says: string]>} */
const ACTIONS = {
	expire: ['Refresh', 'Make it stale? The next who asks loads it anew.'],
	warm: ['Warm now', 'Bring it into memory now, by its loader if need be?'],
	delete: ['Delete', 'Delete it in every tier?'],
	invalidate: ['Invalidate', 'Invalidate everything that has this tag?'],
	probe: ['Probe now', 'Ask this tier now, instead of when its time has come?'],
};

const aboutOf = (/** @type {Query} */ { key, pattern, tag, tier }) => tag ?? key ?? pattern ?? NAMES[tier];

/**
 * A button for an action, where actions are on.
 * @param {string} action @param {Query} body @param {(() => unknown) | null} after - it was done @param {string} [id] @param {string} [text]
 */
export function change(action, body, after, id, text = ACTIONS[action][0]) {
	const run = async () => (await confirmed(action, body)) && after?.();
	return state.actions && button(text, run, { id, 'aria-label': `${ACTIONS[action][0]} ${aboutOf(body)}` });
}

/**
 * Resolves when the dialog has been closed, with whether it was done.
 * @param {string} action @param {Query} body @returns {Promise<boolean>}
 */
export function confirmed(action, body) {
	const [does, says] = ACTIONS[action];
	const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('ask'));
	let done = false;
	const close = (text) => button(text, () => dialog.close());
	const show = (title, ...rest) =>
		replace(dialog, h('h2', { id: 'ask-says' }, title), h('p', { class: 'key' }, aboutOf(body)), ...rest);
	const go = async () => {
		start.disabled = true;
		try {
			const rows = receipt(await act(action, body));
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
	if (warmed) return [counts(warmed)];
	if (!taken) return [];
	const lasts = taken.durable ? 'A shared store holds it: it outlives this process.' : 'Only this process knows of it.';
	const stores = /** @type {const} */ ([...TIERS, 'backplane']);
	return [facts(stores.map((name) => [NAMES[name] ?? 'other instances', badge(...APPLIED[taken[name]])])), note(lasts)];
}
