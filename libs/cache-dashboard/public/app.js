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

/** @type {Record<string, (root: HTMLElement, asked: Query) => View>} */
const VIEWS = { overview, journey, caches, warming, feed };
const titleOf = (/** @type {string} */ view) => view[0].toUpperCase() + view.slice(1);

const [main, nav, live] = ['view', 'nav', 'live'].map((id) => /** @type {HTMLElement} */ (document.getElementById(id)));
/** @type {View} */
let view = {};
let shown = '';

function route() {
	const [name, query] = location.hash.replace(/^#\/?/, '').split('?');
	// The skip link's target is no view.
	if (name === 'view' && shown) return main.focus();
	const current = Object.hasOwn(VIEWS, name) ? name : 'overview';
	view.leave?.();
	const links = Object.keys(VIEWS).map((id) =>
		h('a', { id: `nav-${id}`, href: link(id), 'aria-current': id === current && 'page' }, titleOf(id)),
	);
	replace(nav, ...links);
	document.title = `${titleOf(current)} – Cache`;
	main.replaceChildren();
	view = VIEWS[current](main, Object.fromEntries(new URLSearchParams(query)));
	if (shown !== current) scrollTo(0, 0);
	shown = current;
}

/** Old numbers are never shown as if they were of now. */
function tell() {
	const late = isLate();
	const text = state.seen ? `last seen ${duration(Date.now() - state.seen)} ago` : 'connecting';
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
