/** Who answered, drawn: columns over time, and one bar for all of it. */
import { h, s } from './dom.js';
import { gauge, picture } from './parts.js';
import { POINTS, STEP_MS } from './stream.js';
import { count, NAMES, share, sum, WHO } from './words.js';

const HEIGHT = 170;
/** Steps that are shown: few while there is little to see, a quarter of an hour at most. */
const SPANS = [36, 72, POINTS];

/** Who answered looks the same everywhere; what is stale is told by its stripes. @param {string} name */
const look = (name) => (name === 'stale' ? 'striped' : `of-${name}`);

/**
 * Stacked columns; where nobody watched there is none.
 * @param {readonly Point[]} points @param {number} now
 */
export function band(points, now) {
	const top = niceTop(Math.max(...points.map(([, ...who]) => sum(who)), 1));
	const end = Math.floor(now / STEP_MS);
	const back = (at) => end - at / STEP_MS;
	const span = SPANS.find((steps) => steps > back(points[0]?.[0] ?? now)) ?? POINTS;
	const columns = points.map(([at, ...who]) => {
		const x = (span - back(at) - 1) * 5;
		let y = HEIGHT;
		const parts = WHO.map((name, index) => {
			const height = (who[index] / top) * HEIGHT;
			return height > 0 && s('rect', { x, y: (y -= height), width: 4, height, class: look(name) });
		});
		// Also where nothing was asked: somebody watched, so it is no gap.
		const none = s('rect', { x, y: HEIGHT - 1, width: 4, height: 1, class: 'none' });
		return s('g', {}, s('title', {}, `${new Date(at).toLocaleTimeString()}: ${says(who)}`), none, ...parts);
	});
	const lines = [0.25, 0.5, 0.75].map((part) => s('path', { d: `M0 ${HEIGHT * part}H${span * 5}`, class: 'grid' }));
	const all = WHO.map((_name, index) => sum(points.map((point) => point[index + 1])));
	const minutes = (span * STEP_MS) / 60_000;
	const label = `Who answered in the last ${minutes} minutes: ${says(all)}`;
	const rate = (part) => `${Number(((top * part) / (STEP_MS / 1_000)).toPrecision(3))}/s`;
	const words = (kind, ...texts) =>
		h('div', { class: kind, 'aria-hidden': 'true' }, ...texts.map((text) => h('span', {}, text)));
	return h(
		'div',
		{ class: 'plot' },
		words('scale', rate(1), rate(0.5), '0'),
		picture('band', `0 0 ${span * 5} ${HEIGHT}`, label, ...lines, ...columns),
		words('times', `${minutes} min ago`, `${minutes / 2} min`, 'now'),
	);
}

/** One bar, all of it. @param {Who} who @param {string} label */
export function bar(who, label) {
	const all = sum(who) || 1;
	const parts = WHO.map((name, index) => [who[index] / all, look(name), `${NAMES[name]}: ${share(who[index], all)}`]);
	return gauge(parts, `${label}: ${says(who)}`, 'bar');
}

/** The same with its name and how much it is of. @param {Who} who @param {string} label */
export function barRow(who, label) {
	const all = h('span', { class: 'n' }, count(sum(who)));
	return h('div', { class: 'bar-row' }, h('span', {}, label), bar(who, label), all);
}

/** What the colours and stripes mean, with shares. @param {Who} who */
export function legend(who) {
	const items = WHO.map((name, index) => {
		const sample = s('rect', { width: 12, height: 12, rx: 2, class: look(name) });
		const part = h('b', {}, share(who[index], sum(who)));
		return h('li', {}, s('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' }, sample), `${NAMES[name]} `, part);
	});
	return h('ul', { class: 'legend' }, ...items);
}

/** @param {Who} who */
function says(who) {
	const parts = WHO.map((name, index) => (who[index] ? `${NAMES[name]} ${count(who[index])}` : '')).filter(Boolean);
	return parts.join(', ') || 'nothing asked';
}

/** The next round number. @param {number} most */
function niceTop(most) {
	const power = 10 ** Math.floor(Math.log10(most));
	return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= most) ?? most;
}
