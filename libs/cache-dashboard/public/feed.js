/** The fifth view: what happens now, what could be better, and the options that hold. */
import { ask } from './api.js';
import { badge, h, replace } from './dom.js';
import { button, empty, note, panel } from './parts.js';
import { state } from './stream.js';

const SHOWN = 100;
const SHAPES = { bad: 'invalid', good: 'up', plain: 'absent' };

/** @param {HTMLElement} root */
export function feed(root) {
	/** @type {number | undefined} */
	let paused;
	let drawn = -1;
	const newest = () => state.feed.at(-1)?.id ?? 0;
	const lines = h('ol', { class: 'feed', id: 'feed', 'aria-label': 'Events', tabindex: 0 });
	const toggle = () => {
		paused = paused === undefined ? newest() : undefined;
		drawn = -1;
		draw();
	};
	const pause = button('Pause', toggle, { id: 'pause' });
	const others = h('div', { class: 'stack' });
	const head = h('div', { class: 'panel-head' }, h('h2', {}, 'Feed'), pause);
	replace(root, head, panel(lines), others);
	const draw = () => {
		const until = paused ?? newest();
		const later = state.feed.filter(({ id }) => id > until).length;
		pause.textContent = paused === undefined ? 'Pause' : `Go on (${later} more)`;
		if (until === drawn) return;
		drawn = until;
		const shown = state.feed.filter(({ id }) => id <= until).slice(-SHOWN);
		const none = 'Nothing has happened since somebody watches. Hits are not told.';
		replace(lines, ...(shown.length > 0 ? shown.toReversed().map(row) : [h('li', {}, empty(none))]));
	};
	draw();
	void about(others);
	return { draw };
}

/** @param {FeedLine} line */
function row({ at, kind, says, times, tone }) {
	const when = new Date(at);
	return h(
		'li',
		{},
		h('time', { datetime: when.toISOString() }, when.toLocaleTimeString()),
		badge(SHAPES[tone], kind),
		h('span', {}, says, times > 1 && h('b', {}, ` ×${times}`)),
	);
}

/** @param {HTMLElement} root */
async function about(root) {
	const { advice, settings } = await ask('settings').catch(({ message }) => ({
		advice: [],
		settings: message,
	}));
	const says = (one) => h('li', {}, badge('degraded', one.about), ' ', one.says);
	const list = h('ul', {}, ...advice.map(says));
	replace(
		root,
		h('h2', {}, 'Advice'),
		panel(advice.length > 0 ? list : note('Nothing to advise.')),
		h('h2', {}, 'Options that hold'),
		h('section', { class: 'panel settings' }, tree(settings)),
	);
}

/** @param {any} setting @returns {HTMLElement} */
function tree(setting) {
	if (typeof setting !== 'object' || setting === null) return h('code', {}, String(setting));
	const rows = Object.entries(setting).map(([name, value]) => h('li', {}, `${name} `, tree(value)));
	return h('ul', {}, ...rows);
}
