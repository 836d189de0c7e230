/** Follows the server's ticks: reconnects by itself, and knows how old what it shows is. */

const LATE_MS = 3_500;
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const KEPT_LINES = 300;
export const STEP_MS = 5_000;
export const POINTS = 180;

/** What is known now. `seen`: when it was told, on this browser's clock. */
export const state = {
	/** @type {Tick | undefined} */ tick: undefined,
	/** @type {Point[]} */ points: [],
	/** @type {FeedLine[]} */ feed: [],
	actions: false,
	values: 'hidden',
	seen: 0,
};

let tell = () => {};
let failures = 0;

/** Nothing has been heard for so long that numbers are the past's. */
export function isLate() {
	return state.seen === 0 || Date.now() - state.seen > LATE_MS;
}

/** @param {() => void} changed - called whenever there is something new */
export function follow(changed) {
	tell = changed;
	connect();
}

function connect() {
	const source = new EventSource('api/stream');
	source.addEventListener('hello', ({ data }) => {
		const { actions, feed, points, tick, values } = JSON.parse(data);
		failures = 0;
		// All of it anew: whatever was here before is in it, or was another process's.
		Object.assign(state, { actions, values, feed, points });
		hear(tick);
	});
	source.addEventListener('tick', ({ data }) => hear(JSON.parse(data)));
	source.addEventListener('error', () => {
		// The browser would try again at once and for ever, or never; this does in between.
		source.close();
		const wait = BACK_OFF_MS[Math.min(failures++, BACK_OFF_MS.length - 1)];
		setTimeout(connect, wait * (0.75 + Math.random() / 2));
	});
}

/** @param {Tick} tick */
function hear(tick) {
	state.tick = tick;
	state.seen = Date.now();
	const last = state.points.at(-1);
	if (last?.[0] === tick.point[0]) state.points.pop();
	state.points.push(tick.point);
	const oldest = tick.point[0] - (POINTS - 1) * STEP_MS;
	state.points = state.points.filter(([at]) => at >= oldest);
	const known = state.feed.at(-1)?.id ?? 0;
	state.feed = [...state.feed, ...tick.feed.filter(({ id }) => id > known)].slice(-KEPT_LINES);
	tell();
}
