/** Makes elements. Text goes in as text only: keys and tags come from users. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An HTML element; `on…` attributes are listeners.
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name @param {Attributes} [attributes] @param {...Child} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function h(name, attributes = {}, ...children) {
	return fill(document.createElement(name), attributes, children);
}

/**
 * An SVG element. Styles come from classes: the page's policy allows none in attributes.
 * @param {string} name @param {Attributes} [attributes] @param {...Child} children
 * @returns {SVGElement}
 */
export function s(name, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} element @param {Attributes} attributes @param {Child[]} children
 * @returns {E}
 */
function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if ((value ?? false) === false) continue;
		if (typeof value === 'function') element.addEventListener(name.slice(2), value);
		else element.setAttribute(name, value === true ? '' : String(value));
	}
	put(element, ...children);
	return element;
}

/** @param {Element} element @param {...Child} children */
export function put(element, ...children) {
	for (const child of children) if (child || child === 0) element.append(child instanceof Node ? child : String(child));
}

/**
 * In place of what an element holds. What the keyboard was on stays on it, by its id.
 * @param {Element} element @param {...Child} children
 */
export function replace(element, ...children) {
	const id = element.contains(document.activeElement) ? document.activeElement?.id : undefined;
	element.replaceChildren();
	put(element, ...children);
	if (id) document.getElementById(id)?.focus({ preventScroll: true });
}

const [RING, FULL] = [6, 7].map((r) => `M8 ${8 - r}a${r} ${r} 0 1 1 0 ${r * 2}a${r} ${r} 0 1 1 0-${r * 2}z`);
const WELL = { area: FULL, mark: 'M4.8 8.2l2.2 2.3 4.3-4.8' };
const HALF = { line: RING, area: 'M8 2a6 6 0 0 1 0 12z' };
const STOP = { area: 'M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z', mark: 'M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2' };
const DASHED = { 'line dashed': RING };
/** Told apart without colour: ticked, half, crossed out, a warning, a question, dashed; a ring for the rest. */
const SHAPES = {
	fresh: WELL,
	up: WELL,
	stale: HALF,
	half_open: HALF,
	invalid: STOP,
	down: STOP,
	config: STOP,
	degraded: { area: 'M8 1.6 15 14.2H1z', mark: 'M8 6v4M8 11.6v.6' },
	unknown: { ...DASHED, line: 'M6.3 6.4a1.8 1.8 0 1 1 2.4 1.8c-.5.2-.7.5-.7 1M8 11.2v.3' },
	off: DASHED,
};

/** @param {string} state - of an entry or a tier */
export function shape(state) {
	return Object.entries(SHAPES[state] ?? { line: RING }).map(([kind, d]) => s('path', { d, class: kind }));
}

/**
 * A state told by shape, word and colour.
 * @param {string} state @param {string} [word] @param {boolean} [small] - the shape alone, for those who see it
 */
export function badge(state, word = state, small = false) {
	const label = small ? { role: 'img', 'aria-label': word } : { 'aria-hidden': 'true' };
	const title = small && s('title', {}, word);
	const look = { viewBox: '0 0 16 16', class: `shape is-${state}`, ...label };
	const picture = s('svg', look, title, ...shape(state));
	return small ? picture : h('span', { class: `badge is-${state}` }, picture, word);
}
