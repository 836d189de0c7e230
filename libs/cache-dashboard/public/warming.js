/** The fourth view: what warming has planned and loaded, and whether anybody wanted it. */
import { act } from './api.js';
import { confirmed } from './confirm.js';
import { badge, h, replace } from './dom.js';
import { facts, field, form, gauge, note } from './parts.js';
import { state } from './stream.js';
import { count, share } from './words.js';

/** @param {HTMLElement} root */
export function warming(root) {
	const numbers = h('div', { class: 'stack' });
	const warm = (/** @type {Query} */ { cache, pattern }) => {
		const says = 'Bring what was asked for lately into memory?';
		const run = () => act('warm', { cache, pattern });
		return confirmed({ says, about: pattern, does: 'Warm', run });
	};
	const group = { id: 'pattern', required: true, placeholder: 'user:*' };
	const byHand = form(
		warm,
		field('Keys of a group', 'pattern', group),
		field('Cache', 'cache', { value: 'default' }),
		h('button', { class: 'main' }, 'Warm now'),
	);
	const one = note('What is expected of one key is told by its journey.');
	const below = h('section', { class: 'panel stack' }, state.actions && byHand, one);
	replace(root, h('h2', {}, 'Warming'), numbers, below);
	const draw = () => state.tick && replace(numbers, ...tell(state.tick.warming));
	draw();
	return { draw };
}

/** @param {WarmingStats} stats */
function tell(stats) {
	const { alreadyFresh, budget, failed, heldBackBy, leads, loaded, overBudget, planned } = stats;
	const { used, wasted } = stats;
	const judged = used + wasted;
	const wanted = judged
		? `${share(used, judged)} of what was loaded ahead was asked for.`
		: loaded
			? 'What was loaded ahead has not been judged yet.'
			: 'Nothing has been loaded ahead yet.';
	const who = leads ? 'This process plans for all.' : 'Another process plans, or warming is off.';
	const held = heldBackBy.length > 0;
	const back = held ? `Held back by ${heldBackBy.join(', ')}.` : 'Nothing holds it back.';
	const part = (many) => many / Math.max(judged, 1);
	const wantedPart = gauge(
		[
			[part(used), 'used'],
			[part(wasted), 'striped'],
		],
		`${used} used, ${wasted} wasted`,
	);
	const counts = { loaded, 'already fresh': alreadyFresh, failed, 'over budget': overBudget };
	const rows = facts(Object.entries(counts).map(([name, many]) => [name, count(many)]));
	return [
		h(
			'section',
			{ class: 'headline' },
			h('h2', {}, wanted),
			h('p', {}, badge(leads ? 'up' : 'off', who), ' ', badge(held ? 'degraded' : 'up', back)),
		),
		h(
			'div',
			{ class: 'tiers' },
			box('Budget in use', share(budget, 1), '', gauge([[budget, 'used']], 'budget')),
			box('Loaded ahead', count(used), ' used', wantedPart, facts([['wasted', count(wasted)]])),
			box('Planned', count(planned), ' keys', rows),
		),
	];
}

/** @param {string} name @param {string} big @param {string} unit @param {...Child} more */
function box(name, big, unit, ...more) {
	const number = h('p', { class: 'big' }, big, h('span', {}, unit));
	return h('article', { class: 'tier' }, h('h3', {}, name), number, ...more);
}
