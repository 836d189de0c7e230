/** Asks the server, and sends what changes something: always with what says that it comes from this page. */

/**
 * @param {string} path @param {Record<string, string | undefined>} [query]
 * @returns {Promise<any>}
 */
export function ask(path, query = {}) {
	const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
	const text = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
	return answerOf(fetch(`api/${path}${text && `?${text}`}`));
}

/**
 * @param {string} action @param {Record<string, string | undefined>} body
 * @returns {Promise<Done>}
 */
export function act(action, body) {
	return answerOf(
		fetch(`api/actions/${action}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', 'x-cache-dashboard': '1' },
			body: JSON.stringify(body),
		}),
	);
}

/** @param {Promise<Response>} asked */
async function answerOf(asked) {
	const response = await asked.catch(() => {
		throw new Error('The server does not answer.');
	});
	const body = await response.json().catch(() => ({}));
	if (response.ok) return body;
	throw new Error(body.message ?? `The server answered ${response.status}.`);
}
