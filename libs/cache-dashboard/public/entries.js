/** The keys that a tier holds, page by page, and which tiers have each of them. */
import { ask } from './api.js';
import { change } from './confirm.js';
import { badge, h, replace } from './dom.js';
import { button, buttons, empty, failed, field, form, keyLink, link, number, table } from './parts.js';
import { bytes, duration, NAMES, STORES, TIERS } from './words.js';

const GROUPS = 12;

/**
 * @param {HTMLElement} root @param {Where} where
 * @param {(string | undefined)[]} [cursors] - of this page and those before it; the first one has none
 */
export async function entries(root, where, cursors = [undefined]) {
	const tiers = TIERS.map((tier) => {
		const on = tier === where.tier;
		const look = { class: on ? 'on' : '', 'aria-current': on && 'true' };
		const text = `${NAMES[tier]} ${STORES[tier]}`;
		return h('a', { href: link('caches', { ...where, tier }), ...look }, text);
	});
	const look = form(
		({ prefix }) => (location.href = link('caches', { ...where, prefix })),
		h('div', { class: 'segments', role: 'group', 'aria-label': 'Tier' }, ...tiers),
		field(`Keys of ${where.cache} that begin with`, 'prefix', { id: 'prefix', value: where.prefix }),
		h('button', {}, 'Show'),
	);
	/** @type {Page} */
	let page;
	try {
		page = await ask('entries', { ...where, cursor: cursors.at(-1) });
	} catch (error) {
		return replace(root, look, empty(failed(error)));
	}
	const turn = (id, text, to) => button(text, () => to && entries(root, where, to), { id, disabled: !to });
	const again = () => entries(root, where, cursors);
	const rows = page.entries.map((entry) => row(entry, where, again));
	const none = page.next ? 'Nothing on this page; there may be more.' : 'No such keys here.';
	replace(
		root,
		look,
		groups(page, where),
		rows.length > 0 ? table(['Key', 'L1 L2 L3', 'Fresh for', 'Size', ''], rows, 2) : empty(none),
		buttons(
			turn('page-back', 'Back', cursors.length > 1 && cursors.slice(0, -1)),
			turn('page-next', 'Next page', page.next !== undefined && [...cursors, page.next]),
		),
	);
}

/** The next step of the tree of names, as far as this page knows it. @param {Page} page @param {Where} where */
function groups({ entries: list }, where) {
	/** @type {Map<string, number>} */
	const found = new Map();
	for (const { key } of list) {
		const group = key.slice(0, key.indexOf(':', where.prefix.length) + 1);
		if (group) found.set(group, (found.get(group) ?? 0) + 1);
	}
	const step = (prefix, text) => h('li', {}, h('a', { href: link('caches', { ...where, prefix }) }, text));
	const above = where.prefix.replace(/[^:]*:?$/, '');
	const below = [...found].slice(0, GROUPS).map(([name, many]) => step(name, `${name} ${many}`));
	const up = where.prefix && step(above, `↑ ${above || 'all keys'}`);
	return h('ul', { class: 'tags', 'aria-label': 'Names on this page' }, up, ...below);
}

/** @param {Page['entries'][number]} entry @param {Where} where @param {() => unknown} again */
function row({ bytes: size, hidden, key, state: is, tiers, ttlMs }, { cache, tier }, again) {
	const dots = TIERS.map((name) => {
		const found = tiers?.[name] ?? (name === tier ? is : 'off');
		return badge(found, `${NAMES[name]}: ${found}`, true);
	});
	return h(
		'tr',
		{},
		h('th', { scope: 'row', class: 'key' }, hidden ? `${key} (hidden)` : keyLink(key, cache)),
		h('td', { class: 'dots' }, ...dots),
		number(ttlMs === undefined ? '–' : duration(ttlMs)),
		number(size === undefined ? '–' : bytes(size)),
		number(!hidden && change('delete', { cache, key }, again)),
	);
}
