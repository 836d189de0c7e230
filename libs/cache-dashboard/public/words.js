/** How numbers, times and states are said. Pure: it touches no page. */

export const TIERS = /** @type {const} */ (['l1', 'l2', 'l3']);
export const WHO = /** @type {const} */ (['l1', 'l2', 'l3', 'loader', 'stale', 'error']);
/** @type {Query} */
export const NAMES = { l1: 'L1', l2: 'L2', l3: 'L3', loader: 'loader', stale: 'stale', error: 'error' };
/** @type {Query} */
export const STORES = { l1: 'memory', l2: 'Redis', l3: 'PostgreSQL', loader: 'your code' };

export function count(value) {
	if (value < 10_000) return value.toLocaleString('en');
	return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}

export function bytes(value) {
	const units = ['B', 'KB', 'MB', 'GB', 'TB'];
	let step = 0;
	for (; value >= 1_000 && step < 4; step++) value /= 1_024;
	return `${Number(value.toPrecision(3))} ${units[step]}`;
}

/** @type {[number, string][]} */
const UNITS = [
	[86_400, 'd'],
	[3_600, 'h'],
	[60, 'min'],
	[1, 's'],
];

/** A length of time, in the unit that fits. @param {number} ms */
export function duration(ms) {
	if (ms < 1) return ms === 0 ? '0 ms' : `${Number((ms * 1_000).toPrecision(2))} µs`;
	if (ms < 1_000) return `${Number(ms.toPrecision(3))} ms`;
	const seconds = Math.round(ms / 1_000);
	const at = UNITS.findIndex(([size]) => seconds >= size);
	const [size, unit] = UNITS[at];
	const [small, rest] = UNITS[at + 1] ?? [size, ''];
	const left = Math.floor((seconds % size) / small);
	return `${Math.floor(seconds / size)} ${unit}${left > 0 ? ` ${left} ${rest}` : ''}`;
}

/** A share of all. @param {number} part @param {number} all */
export function share(part, all) {
	if (all === 0) return '–';
	const percent = (part / all) * 100;
	if (percent > 0 && percent < 0.1) return '<0.1\u00a0%';
	if (percent > 99.9 && percent < 100) return '>99.9\u00a0%';
	return `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)}\u00a0%`;
}

/** @param {Who} numbers */
export const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/**
 * The state of a tier in one word, and which shape says it.
 * @param {TierTick} tier @returns {[state: string, word: string]}
 */
export function stateOf({ breaker, config, state }) {
	if (state === 'off') return ['off', 'off'];
	if (breaker === 'config' || config) return ['config', 'to be mended'];
	if (breaker === 'open' || state === 'down') return ['down', 'open: not asked'];
	if (breaker === 'half_open') return ['half_open', 'half-open: on trial'];
	return state === 'up' ? ['up', 'up'] : ['degraded', 'degraded'];
}

/**
 * What a stranger should know first: who answers most, and who is sick.
 * @param {Who} who @param {Tick['tiers']} tiers
 */
export function headline(who, tiers) {
	const all = sum(who);
	const best = who.indexOf(Math.max(...who));
	const subject = ['L1', 'L2', 'L3', 'The loader', 'A stale value', 'An error'][best];
	const most = all
		? `${subject} answers most: ${share(who[best], all)} of ${count(all)} requests.`
		: 'Nothing has been asked yet.';
	const sick = TIERS.flatMap((name) => {
		const [shape, word] = stateOf(tiers[name]);
		const why = tiers[name].reason ? `, ${tiers[name].reason}` : '';
		return shape === 'up' || shape === 'off' ? [] : [`${NAMES[name]} is ${word.replace(/^.*: /, '')}${why}.`];
	});
	return { most, sick: sick.join(' ') };
}

/** Tiers above the one that answers, which take what it gives. @param {Explanation} found */
export function takers({ answeredBy, tiers }) {
	const end = TIERS.findIndex((name) => name === answeredBy);
	const above = end < 0 ? TIERS : TIERS.slice(0, end);
	return above.filter((name) => tiers[name] && tiers[name].state !== 'unknown' && !tiers[name].keptOut);
}

/**
 * What a `get()` would do now.
 * @param {Explanation} found @returns {string}
 */
export function sentence(found) {
	const { answeredBy, tiers } = found;
	if (answeredBy !== 'loader') {
		const above = takers(found).map((name) => NAMES[name]);
		const promoted = above.length > 0 ? ` and promoted to ${above.join(' and ')}` : '';
		return `A get() now would be answered by ${NAMES[answeredBy]}${promoted}.`;
	}
	const spare = TIERS.find((name) => tiers[name]?.state === 'stale');
	const stands = spare ? ` If that fails, the stale value in ${NAMES[spare]} stands in.` : '';
	return `A get() now would find nothing fresh; getOrSet() would run its loader.${stands}`;
}
