/** Draws the way of a `get()` between the stops of the journey, from where they are on the page. */
import { s, shape } from './dom.js';
import { takers, TIERS } from './words.js';

const STOPS = ['you', ...TIERS, 'loader'];
const R = 17;

/** @param {SVGSVGElement} svg @param {HTMLElement} map @param {Explanation} found */
export function draw(svg, map, found) {
	const box = map.getBoundingClientRect();
	const rows = STOPS.map((id) => /** @type {HTMLElement} */ (map.querySelector(`#stop-${id}`)).getBoundingClientRect());
	const upright = rows[1].top > rows[0].top + 20;
	const anchors = rows.map(({ left, top, width }, index) => ({
		id: STOPS[index],
		x: upright ? 30 : left - box.left + width / 2,
		y: upright ? top - box.top + 30 : 76,
	}));
	for (const side of ['width', 'height']) svg.setAttribute(side, String(box[side]));
	svg.replaceChildren();
	const end = STOPS.indexOf(found.answeredBy);
	const target = anchors[end];
	anchors.slice(1).forEach(({ x, y }, index) => {
		const from = anchors[index];
		svg.append(s('path', { d: `M${from.x} ${from.y}L${x} ${y}`, class: index < end ? 'way' : 'way unused' }));
	});
	const word = found.answeredBy === 'loader' ? 'stored' : 'promoted';
	const above = upright ? [] : takers(found);
	above.forEach((name, index) => svg.append(arc(target, anchors[STOPS.indexOf(name)], index === 0 ? word : '')));
	traveller(svg, anchors[0], target);
	anchors.forEach((anchor, index) => svg.append(station(anchor, found, index === end, index > end)));
}

/** Back up, above the way down. @param {Anchor} from @param {Anchor} to @param {string} word */
function arc(from, to, word) {
	const bend = -24 - (STOPS.indexOf(from.id) - STOPS.indexOf(to.id)) * 9;
	const [y, end] = [from.y - R, to.y - R - 3];
	const d = `M${from.x} ${y}C${from.x} ${y + bend} ${to.x} ${end + bend} ${to.x} ${end}`;
	const tip = `M${to.x - 5} ${end - 7}L${to.x} ${end}L${to.x + 5} ${end - 7}`;
	const said = { x: (from.x + to.x) / 2, y: end + bend * 0.75 - 6, class: 'way-word' };
	return s('g', { class: 'promotion' }, s('path', { d }), s('path', { d: tip, class: 'tip' }), s('text', said, word));
}

/** @param {Anchor} anchor @param {Explanation} found @param {boolean} answers @param {boolean} beyond */
function station({ id, x, y }, { tiers }, answers, beyond) {
	const look = { transform: `translate(${x} ${y})`, class: `of-${id} ${beyond ? 'is-beyond' : ''}` };
	const halo = answers && s('circle', { r: R + 6, class: 'halo' });
	const group = s('g', look, halo, s('circle', { r: R, class: 'node' }));
	const inner = s('g', { transform: 'translate(-10 -10) scale(1.25)' });
	if (id === 'you')
		inner.append(s('path', { d: 'M8 2.4a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM2.5 14a5.5 5.5 0 0 1 11 0z', class: 'area' }));
	else if (id === 'loader') inner.append(s('path', { d: 'M5.5 4 1.8 8l3.7 4M10.5 4l3.7 4-3.7 4', class: 'line' }));
	else {
		const is = tiers[/** @type {'l1'} */ (id)]?.state ?? 'off';
		inner.setAttribute('class', `is-${is}`);
		inner.append(...shape(is));
	}
	group.append(inner);
	return group;
}

/** A dot goes down the way and comes back with the answer, for those who like movement. @param {SVGSVGElement} svg @param {Anchor} from @param {Anchor} to */
function traveller(svg, from, to) {
	if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
	const path = `M${from.x} ${from.y}L${to.x} ${to.y}L${from.x} ${from.y}`;
	const move = s('animateMotion', {
		path,
		dur: '3.2s',
		repeatCount: 'indefinite',
		keyPoints: '0;0.5;0.5;1;1',
		keyTimes: '0;0.38;0.5;0.88;1',
		calcMode: 'linear',
	});
	svg.append(s('circle', { r: 5, class: 'traveller' }, move));
}
