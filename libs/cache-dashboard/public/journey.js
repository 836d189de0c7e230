/** The second view: where a `get()` of one key would go now. */
import { ask } from './api.js';
import { change } from './confirm.js';
import { h, replace, s } from './dom.js';
import { button, buttons, empty, failed, field, form, link, note } from './parts.js';
import { draw as drawPath } from './path.js';
import { state } from './stream.js';
import { stops } from './stops.js';
import { sentence } from './words.js';

const SCOPES = [
	['', 'the caller’s'],
	['public', 'everybody’s'],
	['tenant', 'the tenant’s'],
	['user', 'the user’s'],
];

/** @param {HTMLElement} root @param {Query} asked */
export function journey(root, { cache = '', scope = '', key = '' }) {
	const where = { cache, scope, key };
	const answer = h('div', { class: 'answer', 'aria-live': 'polite' });
	const scopes = SCOPES.map(([value, text]) => h('option', { value, selected: value === scope }, text));
	let redraw = () => {};
	const show = async () => {
		try {
			const found = await ask('explain', where);
			const hidden = state.values !== 'redacted';
			const shape = hidden ? undefined : await ask('shape', where).catch(() => ({}));
			redraw = tell(answer, found, where, shape, show);
			redraw();
		} catch (error) {
			replace(answer, empty(failed(error)));
		}
	};
	const go = (typed) => {
		const to = link('journey', typed);
		if (location.hash && to.endsWith(location.hash)) void show();
		else location.href = to;
	};
	const one = { id: 'key', value: key, required: true, placeholder: 'user:42' };
	replace(
		root,
		h('h2', {}, 'Journey of a key'),
		form(
			go,
			field('Key', 'key', one),
			field('Cache', 'cache', { value: cache || 'default' }),
			h('label', {}, 'Whose', h('select', { name: 'scope' }, ...scopes)),
			h('button', { class: 'main' }, 'Explain'),
		),
		answer,
	);
	if (key) void show();
	else replace(answer, empty('Type a key: where would a get() go, and what does each tier hold?'));
	// The lines follow the stops when the window becomes another one.
	const watch = new ResizeObserver(() => redraw());
	watch.observe(answer);
	return { leave: () => watch.disconnect() };
}

/**
 * @param {HTMLElement} answer @param {Explanation} found @param {Asked} where
 * @param {{ shape?: unknown } | undefined} shape @param {() => Promise<void>} again
 */
function tell(answer, found, where, shape, again) {
	const lines = /** @type {SVGSVGElement} */ (s('svg', { class: 'path', 'aria-hidden': 'true' }));
	const tag = (name) => change('invalidate', { ...where, tag: name }, again, undefined, name) || name;
	const map = h('div', { class: 'map' }, lines, stops(found, where, tag));
	const actions = ['expire', 'warm', 'delete'].map((name) => change(name, where, again, `do-${name}`));
	const value = shape?.shape ? JSON.stringify(shape.shape, null, 2) : 'Not to be seen.';
	replace(
		answer,
		h('p', { class: 'sentence', id: 'sentence' }, sentence(found)),
		map,
		shape && h('details', { class: 'panel' }, h('summary', {}, 'What the value is made of'), h('pre', {}, value)),
		buttons(button('Look again', again, { id: 'again' }), ...actions),
		note(
			'Looking moves no counter and no order of eviction. Redis alone notes that the key was read, unless its connection says CLIENT NO-TOUCH.',
		),
	);
	return () => drawPath(lines, map, found);
}
