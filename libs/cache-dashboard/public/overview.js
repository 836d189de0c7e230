/** The first view: who answers, and which tier is sick. */
import { card, loaderCard } from './card.js';
import { band, barRow, legend } from './chart.js';
import { badge, h, replace } from './dom.js';
import { note, opening, panel } from './parts.js';
import { state } from './stream.js';
import { headline, sum, TIERS, WHO } from './words.js';

/** @param {HTMLElement} root */
export function overview(root) {
	const draw = () => {
		const { points, tick } = state;
		if (!tick) return;
		const recent = WHO.map((_name, index) => sum(points.map((point) => point[index + 1])));
		// The first who watches sees nothing recent yet.
		const hasRecent = sum(recent) > 0;
		const who = hasRecent ? recent : tick.who;
		const { most, sick } = headline(who, tick.tiers);
		const health = sick ? badge('down', sick) : badge('up', 'Every tier that is on is well.');
		const cards = TIERS.map((name) => card(name, tick.tiers[name], who));
		replace(
			root,
			opening(most, health),
			h('section', { class: 'tiers' }, ...cards, loaderCard(who)),
			panel(
				h('div', { class: 'panel-head' }, h('h2', {}, 'Who answered'), legend(who)),
				!hasRecent && note('Counted while somebody watches: the band fills from now on.'),
				band(points, tick.at),
				barRow(recent, '15 min'),
				barRow(tick.who, 'since start'),
			),
		);
	};
	draw();
	return { draw };
}
