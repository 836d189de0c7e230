/** The pieces that several views are made of. */
import { badge, h, s } from './dom.js';
import { count } from './words.js';

/** @param {string} text @param {() => unknown} onclick @param {Attributes} [more] */
export function button(text, onclick, more) {
	return h('button', { type: 'button', onclick, ...more }, text);
}

/** @param {...Child} list */
export function buttons(...list) {
	return h('div', { class: 'buttons' }, ...list);
}

/** A labelled input for keys and names. @param {string} label @param {string} name @param {Attributes} [more] */
export function field(label, name, more) {
	const input = h('input', { name, autocomplete: 'off', spellcheck: 'false', ...more });
	return h('label', { class: more?.id ? 'wide' : '' }, label, input);
}

/** Does something with what was typed, instead of loading a page. @param {(typed: Query) => unknown} run @param {...Child} children */
export function form(run, ...children) {
	const element = h('form', { class: 'ask' }, ...children);
	element.addEventListener('submit', (event) => {
		event.preventDefault();
		run(Object.fromEntries(/** @type {any} */ (new FormData(element))));
	});
	return element;
}

/** Names with values; without a value a name is left out. @param {[string, Child][]} rows */
export function facts(rows) {
	const told = rows.filter(([, value]) => value);
	const row = ([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
	return h('dl', { class: 'facts' }, ...told.map(row));
}

/** Counters, by their names in words. */
export function counts(counters) {
	const words = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
	return facts(Object.entries(counters).map(([name, many]) => [words(name), count(many)]));
}

/** @param {string[]} head @param {HTMLElement[]} rows @param {number} [numbers] - from this column on they are numbers */
export function table(head, rows, numbers = 99) {
	const cells = head.map((text, index) => h('th', { scope: 'col', class: index >= numbers ? 'n' : '' }, text));
	return h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...cells)), h('tbody', {}, ...rows)));
}

/** A key, which leads to its journey. */
export function keyLink(key, cache, id) {
	return h('a', { id, href: link('journey', { key, cache }) }, key);
}

export function number(text) {
	return h('td', { class: 'n' }, text);
}

/** @param {...Child} children */
export function panel(...children) {
	return h('section', { class: 'panel' }, ...children);
}

export function note(text) {
	return h('p', { class: 'note' }, text);
}

export function empty(child) {
	return h('p', { class: 'empty-view' }, child);
}

/** @param {any} error */
export function failed({ message }) {
	return badge('invalid', message ?? 'It failed.');
}

/** What a view says first. @param {string} says @param {...Child} more */
export function opening(says, ...more) {
	return h('section', { class: 'headline' }, h('h2', {}, says), h('p', {}, ...more));
}

export function big(number, unit) {
	return h('p', { class: 'big' }, number, h('span', {}, unit));
}

/** A picture that is as wide as there is room. @param {string} kind @param {string} box @param {string} label @param {...Child} children */
export function picture(kind, box, label, ...children) {
	const how = { preserveAspectRatio: 'none', role: 'img', 'aria-label': label };
	return s('svg', { class: kind, viewBox: box, ...how }, ...children);
}

/** How much of something is used. @param {any[][]} parts - of 1, with their looks and titles @param {string} label */
export function gauge(parts, label, kind = 'gauge') {
	let x = 0;
	const rects = parts.map(([part, look, title = '']) => {
		const width = part * 100;
		x += width;
		return s('rect', { x: x - width, width, height: 6, class: look }, title && s('title', {}, title));
	});
	const back = s('rect', { width: 100, height: 6, class: 'empty' });
	return picture(kind, '0 0 100 6', label, back, ...rects);
}

/** Where a view is: by its whole path, for what is relative is relative to the base. @param {string} view @param {Query} [query] */
export function link(view, query) {
	return `${location.pathname}${location.search}#/${view}?${new URLSearchParams(query)}`;
}
