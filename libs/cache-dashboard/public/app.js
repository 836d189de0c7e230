/** Puts the page together: which view is shown, and whether what it shows is live. */
import { caches } from './caches.js';
import { h, replace } from './dom.js';
import { feed } from './feed.js';
import { journey } from './journey.js';
import { overview } from './overview.js';
import { link } from './parts.js';
import { follow, isLate, state } from './stream.js';
import { warming } from './warming.js';
import { duration } from './words.js';

/** @type {Record<string, [string, (root: HTMLElement, asked: URLSearchParams) => View]>} */
const VIEWS = {
	overview: ['Overview', overview],
	journey: ['Journey', journey],
	caches: ['Caches', caches],
	warming: ['Warming', warming],
	feed: ['Feed', feed],
};

const [main, nav, live] = ['view', 'nav', 'live'].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
/** @type {View} */
let view = {};
let shown = '';

function route() {
	const [name, query] = location.hash.replace(/^#\/?/, '').split('?');
	// The skip link's target is no view.
	if (name === 'view' && shown) return main.focus();
	const current = Object.hasOwn(VIEWS, name) ? name : 'overview';
	const [title, open] = VIEWS[current];
	view.leave?.();
	const links = Object.entries(VIEWS).map(([id, [text]]) =>
		h('a', { id: `nav-${id}`, href: link(id), 'aria-current': id === current && 'page' }, text),
	);
	replace(nav, ...links);
	document.title = `${title} – Cache`;
	main.replaceChildren();
	view = open(main, new URLSearchParams(query));
	if (shown !== current) scrollTo(0, 0);
	shown = current;
}

/** Old numbers are never shown as if they were of now. */
function tell() {
	const late = isLate();
	const seconds = Math.round((Date.now() - state.seen) / 1_000);
	const text = state.seen ? `last seen ${duration(seconds * 1_000)} ago` : 'connecting';
	document.body.classList.toggle('late', late);
	live.classList.toggle('is-live', !late);
	live.textContent = late ? text : 'live';
}

document.querySelector('.skip')?.setAttribute('href', link('').replace(/\/\?$/, 'view'));
addEventListener('hashchange', route);
setInterval(tell, 1_000);
route();
let waits = true;
follow(() => {
	tell();
	// Views that were opened before anything was known begin anew.
	if (waits) route();
	else view.draw?.();
	waits = false;
});
