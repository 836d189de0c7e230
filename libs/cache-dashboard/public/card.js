/** A tier in the overview: is it well, how much does it answer, how fast, how full? */
import { change } from './confirm.js';
import { badge, h } from './dom.js';
import { big, facts, gauge, note } from './parts.js';
import { state } from './stream.js';
import { bytes, count, duration, NAMES, share, stateOf, STORES, sum, TIERS } from './words.js';

/** @param {TierName} name @param {TierTick} tier @param {Who} who */
export function card(name, tier, who) {
	const [shape, word] = stateOf(tier);
	const well = shape === 'up';
	const off = shape === 'off';
	const reason = tier.reason && h('p', { class: 'reason' }, tier.reason);
	return h(
		'article',
		{ class: `tier of-${name} ${off ? 'is-off' : well ? '' : 'sick'}`, id: `tier-${name}` },
		h('header', {}, heading(name), badge(shape, word)),
		...(off
			? [note('Not configured.')]
			: [answers(who[TIERS.indexOf(name)], who), reason, usage(tier), numbers(name, tier)]),
		!well && !off && change('probe', { tier: name }, null, `probe-${name}`),
	);
}

/** @param {TierName} name @param {TierTick} tier */
function numbers(name, { corrupt, entries, evictions, hits, latency, misses, rejected, ...tier }) {
	const times = latency?.samples ? `${duration(latency.p50Ms)} · ${duration(latency.p99Ms)}` : 'no calls yet';
	const breaker = tier.breaker ?? (tier.state === 'down' ? 'open' : 'closed');
	return facts([
		['p50 · p99', latency && times],
		['entries', (name === 'l1' || entries > 0) && `${name === 'l3' ? '≈ ' : ''}${count(entries)}`],
		['lookups that hit', share(hits, hits + misses)],
		['breaker', name !== 'l1' && breaker.replace('_', '-')],
		['evicted', evictions > 0 && count(evictions)],
		['fills refused', rejected && count(rejected)],
		['not our bytes', corrupt > 0 && count(corrupt)],
	]);
}

/** @param {Who} who */
export function loaderCard(who) {
	const { tick } = state;
	const all = sum(who);
	return h(
		'article',
		{ class: 'tier of-loader', id: 'tier-loader' },
		h('header', {}, heading('loader')),
		answers(who[3], who),
		facts([
			['running now', tick?.loading === undefined ? null : count(tick.loading)],
			['stale stood in', share(who[4], all)],
			['errors', share(who[5], all)],
			['messages heard', tick?.backplane && count(tick.backplane.received)],
		]),
	);
}

/** @param {number} many @param {Who} who */
function answers(many, who) {
	return big(share(many, sum(who)), ' of answers');
}

/** @param {string} name */
function heading(name) {
	return h('h3', {}, h('b', {}, NAMES[name]), ` ${STORES[name]}`);
}

/** How full it is, where it has a limit. @param {TierTick} tier */
function usage({ bytes: used, limit }) {
	if (!limit) return used > 0 && h('div', { class: 'usage' }, bytes(used));
	const part = Math.min(used / limit, 1);
	const full = share(used, limit);
	return h(
		'div',
		{ class: 'usage' },
		h('span', {}, `${bytes(used)} of ${bytes(limit)}`),
		h('span', {}, full),
		gauge([[part, part > 0.9 ? 'of-error' : 'used']], `${full} full`),
	);
}
