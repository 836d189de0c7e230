/** The fourth view: what warming has planned and loaded, and whether anybody wanted it. */
import { ask } from './api.js';
import { confirmed } from './confirm.js';
import { badge, h, replace } from './dom.js';
import {
	big,
	empty,
	counts,
	facts,
	failed,
	field,
	form,
	gauge,
	keyLink,
	note,
	opening,
	panel,
	table,
} from './parts.js';
import { state } from './stream.js';
import { count, duration, share } from './words.js';

const ASK_MS = 4_500;

/** @param {HTMLElement} root */
export function warming(root) {
	const [numbers, next, plan] = [h('div', { class: 'stack' }), note(''), panel()];
	const group = { id: 'pattern', required: true, placeholder: 'user:*' };
	const byHand = form(
		(typed) => confirmed('warm', typed),
		field('Keys of a group', 'pattern', group),
		field('Cache', 'cache', { value: 'default' }),
		h('button', { class: 'main' }, 'Warm now'),
	);
	const head = h('div', { class: 'panel-head' }, h('h2', {}, 'Last plan'), next);
	replace(root, h('h2', {}, 'Warming'), numbers, head, plan, state.actions && panel(byHand));
	let [asked, due, shown] = [0, 0, ''];
	const look = async () => {
		asked = Date.now();
		/** @type {PlanAnswer} */
		const { entries = [], message, nextInMs } = await ask('plan').catch((error) => error);
		due = nextInMs === undefined ? 0 : Date.now() + nextInMs;
		// Drawn anew it would lose where it was scrolled to.
		const text = JSON.stringify([entries, message]);
		if (text !== shown) replace(plan, message ? failed({ message }) : planTable(entries));
		shown = text;
	};
	const draw = () => {
		if (state.tick) replace(numbers, ...tell(state.tick.warming));
		if (Date.now() - asked > ASK_MS) void look();
		next.textContent = due ? `next round in ${duration(Math.max(due - Date.now(), 1_000))}` : '';
	};
	draw();
	return { draw };
}

/** @param {PlanAnswer['entries']} entries */
function planTable(entries) {
	const rows = entries.map(({ cache, key, ...one }) => {
		const rest = [cache, one.priority, one.reason].map((text) => h('td', {}, text));
		return h('tr', {}, h('th', { scope: 'row', class: 'key' }, keyLink(key, cache, `plan-${cache}:${key}`)), ...rest);
	});
	const none = 'The last plan of this process has no key that you may see.';
	return rows.length > 0 ? table(['Key', 'Cache', 'Priority', 'Reason'], rows) : empty(none);
}

/** @param {WarmingStats} stats */
function tell(stats) {
	const { alreadyFresh, budget, failed, heldBackBy, leads, loaded, overBudget, planned, used, wasted } = stats;
	const judged = used + wasted;
	const wanted = judged
		? `${share(used, judged)} of what was loaded ahead was asked for.`
		: loaded
			? 'What was loaded ahead has not been judged yet.'
			: 'Nothing has been loaded ahead yet.';
	const who = leads ? 'This process plans for all.' : 'Another process plans, or warming is off.';
	const held = heldBackBy.length > 0;
	const back = held ? `Held back by ${heldBackBy.join(', ')}.` : 'Nothing holds it back.';
	const part = (many, look) => [many / Math.max(judged, 1), look];
	const parts = gauge([part(used, 'used'), part(wasted, 'striped')], `${used} used, ${wasted} wasted`);
	return [
		opening(wanted, badge(leads ? 'up' : 'off', who), ' ', badge(held ? 'degraded' : 'up', back)),
		h(
			'div',
			{ class: 'tiers' },
			box('Budget in use', share(budget, 1), '', gauge([[budget, 'used']], 'budget')),
			box('Loaded ahead', count(used), ' used', parts, facts([['wasted', count(wasted)]])),
			box('Planned', count(planned), ' keys', counts({ loaded, alreadyFresh, failed, overBudget })),
		),
	];
}

function box(name, number, unit, ...more) {
	return h('article', { class: 'tier' }, h('h3', {}, name), big(number, unit), ...more);
}
