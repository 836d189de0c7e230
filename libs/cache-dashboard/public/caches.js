/** The third view: what each cache does, and below it the keys of one. */
import { ask } from './api.js';
import { bar } from './chart.js';
import { h, replace } from './dom.js';
import { entries } from './entries.js';
import { link, number, panel, table } from './parts.js';
import { state } from './stream.js';
import { count, duration, share, sum } from './words.js';

const HEAD = 'Cache|Who answered|Requests|Hit ratio|Joined a load|Loads|Failed|Load p50|p99'.split('|');

/** @param {HTMLElement} root @param {Query} asked */
export function caches(root, { tier = 'l1', cache = 'default', prefix = '' }) {
	const where = { tier, cache, prefix };
	const [rows, keys] = [panel(), panel()];
	keys.id = 'entries';
	replace(root, h('h2', {}, 'Caches'), rows, h('h2', {}, 'Entries'), keys);
	/** @type {readonly CacheRow[] | undefined} */
	let all;
	// The stream tells of the busiest ones; the others are asked for while somebody looks.
	const askAll = async () => {
		if (state.tick?.more) all = (await ask('caches').catch(() => undefined))?.rows;
	};
	const timer = setInterval(() => void askAll(), 5_000);
	const draw = () => {
		if (!state.tick) return;
		const list = (state.tick.more && all) || state.tick.caches;
		const lines = list.map((one) => row(one, cache));
		replace(rows, table(HEAD, lines, 2));
	};
	draw();
	void askAll();
	void entries(keys, where);
	return { draw, leave: () => clearInterval(timer) };
}

/** @param {CacheRow} cache @param {string} chosen */
function row([name, l1, l2, l3, loader, stale, error, joined, loads, failed, p50, p99], chosen) {
	const who = [l1, l2, l3, loader, stale, error];
	const time = (ms) => (loads ? duration(ms) : '–');
	const hits = share(l1 + l2 + l3 + stale, sum(who));
	const counts = [joined, loads, failed].map(count);
	const open = h('a', { href: link('caches', { cache: name }), id: `cache-${name}` }, name);
	return h(
		'tr',
		{ class: name === chosen ? 'chosen' : '' },
		h('th', { scope: 'row' }, open),
		h('td', {}, bar(who, name)),
		...[count(sum(who)), hits, ...counts, time(p50), time(p99)].map(number),
	);
}
