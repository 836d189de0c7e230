/** The stops of a journey: what each tier holds of a key. */
import { badge, h, s } from './dom.js';
import { facts, picture } from './parts.js';
import { bytes, duration, NAMES, STORES, TIERS } from './words.js';

/** Width of the fresh part of a life, in percent. */
const FRESH = 65;

/** @param {Explanation} found @param {Asked} asked @param {(name: string) => Child} tag */
export function stops(found, { cache, scope }, tag) {
	const where = facts([
		['cache', cache || 'default'],
		['whose', scope],
	]);
	return h(
		'ol',
		{ class: 'stops' },
		stop('you', 'You', 'get()', h('p', { class: 'key' }, found.key), where),
		...TIERS.map((name) => stop(name, NAMES[name], STORES[name], ...tier(name, found, tag))),
		stop('loader', 'Loader', STORES.loader, ...loader(found)),
	);
}

/** @param {string} id @param {string} name @param {string} what @param {...Child} more */
function stop(id, name, what, ...more) {
	const heading = h('h3', {}, h('b', {}, name), ' ', what);
	return h('li', { class: `stop of-${id}`, id: `stop-${id}` }, heading, ...more);
}

/** @param {HTMLElement | SVGElement} is @param {boolean} answers */
function states(is, answers) {
	return h('p', { class: 'states' }, is, answers && h('span', { class: 'answers' }, 'answers'));
}

/** @param {TierName} name @param {Explanation} found @param {(name: string) => Child} tag @returns {Child[]} */
function tier(name, { answeredBy, tiers }, tag) {
	const found = tiers[name];
	if (!found) return [badge('off')];
	const { ageMs, bytes: size, graceMs, hits, keptOut, lastAccessMs, skipped, tags, ttlMs } = found;
	const time = (ms) => ms !== undefined && duration(ms);
	return [
		states(badge(found.state), answeredBy === name),
		life(found),
		facts([
			['age', time(ageMs)],
			['fresh for', time(ttlMs)],
			['then stale for', time(graceMs)],
			['size', size !== undefined && bytes(size)],
			['answered', hits !== undefined && `${hits}×`],
			['last', lastAccessMs !== undefined && hits ? `${duration(lastAccessMs)} ago` : null],
			['not asked', skipped],
			['kept out', keptOut],
		]),
		tags?.length
			? h('ul', { class: 'tags', 'aria-label': 'Tags' }, ...tags.map((name) => h('li', {}, tag(name))))
			: null,
	];
}

/**
 * A life as a line: the fresh part, then the stale one, and where it stands. Each part has a width of its own, for one is often a
 * hundred times the other; how long an entry has been stale is not known.
 * @param {TierExplanation} tier
 */
function life({ ageMs, state: is, ttlMs = 0 }) {
	if (ageMs === undefined || (is !== 'fresh' && is !== 'stale')) return null;
	const now = is === 'fresh' ? FRESH * (ageMs / Math.max(ageMs + ttlMs, 1)) : FRESH + 12;
	const part = (x, width, kind) => s('rect', { x, y: 3, width, height: 6, class: kind });
	return picture(
		'life',
		'0 0 100 12',
		`${is}, ${duration(ageMs)} old`,
		part(0, FRESH, `area is-${is === 'fresh' ? 'fresh' : 'off'}`),
		part(FRESH, 100 - FRESH, 'striped'),
		part(0, Math.min(now, FRESH), 'empty'),
		s('rect', { x: now, width: 1.5, height: 12, class: 'now' }),
	);
}

/** @param {Explanation} found @returns {Child[]} */
function loader({ answeredBy, l3NotAsked, warming }) {
	const runs = answeredBy === 'loader';
	const plan = warming?.planned;
	const knows = warming?.canLoad ? 'can load it' : 'knows no loader';
	return [
		states(badge(runs ? 'up' : 'absent', runs ? 'would run' : 'not needed'), runs),
		facts([
			['L3 first', l3NotAsked && `not asked: ${l3NotAsked}`],
			['asked again soon', warming && `${Math.round(warming.askedSoon * 100)} %`],
			['warming', warming && (plan ? `planned: ${plan.reason}, ${plan.priority}` : knows)],
		]),
	];
}
