/** The start page as text: one file, nothing loaded from elsewhere. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Places, cached</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #8881; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem; }
  h1 { font-size: 1.6rem; margin: 0; }
  form, section { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
  form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; }
  label { display: grid; font-size: .85rem; }
  input, select, button { font: inherit; padding: .35rem .6rem; border: 1px solid var(--line); border-radius: .4rem; }
  button { cursor: pointer; }
  .by { display: inline-block; min-width: 4.5rem; text-align: center; border-radius: 1rem; padding: .05rem .6rem; color: #fff; background: #666; }
  .by.loader { background: #b3261e; } .by.l1 { background: #146c2e; } .by.l2 { background: #0b57d0; } .by.l3 { background: #6b4ea2; } .by.stale { background: #8a5a00; }
  table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .5rem; border-top: 1px solid var(--line); }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
  .error { color: #b3261e; }
  ul { list-style: none; padding: 0; display: flex; gap: 1rem; flex-wrap: wrap; }
</style>
</head>
<body>
<h1>Places, cached</h1>
<p>135,000 cities, and questions no index helps. Ask twice: the second answer comes from memory. Restart the
application: it comes from Redis. Flush Redis and restart: it comes from the cache's own table.</p>

<form id="ask">
  <label>Near <select name="place">
    <option value="59.91,10.75">Oslo</option><option value="-1.29,36.82">Nairobi</option>
    <option value="35.68,139.69">Tokyo</option><option value="-34.6,-58.38">Buenos Aires</option>
  </select></label>
  <button>Nearest places</button>
</form>
<form id="country">
  <label>Country <input name="code" value="NO" size="3" maxlength="2" required pattern="[A-Za-z]{2}"></label>
  <button>Facts</button>
</form>

<section aria-live="polite">
  <h2 id="asked">Answer</h2>
  <p><span id="by" class="by">–</span> <span id="took"></span></p>
  <div id="answer">Nothing asked yet.</div>
</section>

<section><h2>Before</h2><table><thead><tr><th>Request</th><th>Answered by</th><th class="n">In the server</th><th class="n">In the browser</th></tr></thead><tbody id="log"></tbody></table></section>
<section><h2>Tiers</h2><ul id="tiers"></ul><p id="servers"></p>
<p><a href="/cache">Dashboard of the cache</a>: open to this machine without a login, for this is a demo; an application gives it a guard.</p>
<p><a href="/docs">API</a> · <a href="/metrics">metrics</a> · <a href="/health">health</a></p></section>

<script type="module">
const $ = (id) => document.getElementById(id);
const node = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text, ...attributes });
fetch('/health').then((response) => response.json()).then(({ details: { servers } }) => {
  $('servers').textContent = 'Redis: ' + servers.redis + ' · PostgreSQL: ' + servers.postgres;
});
let last = '';

async function ask(path, init) {
  const began = performance.now();
  const response = await fetch(path, init);
  const body = await response.json();
  const browser = performance.now() - began;
  const by = response.headers.get('x-cache') ?? (response.ok ? 'written' : 'error');
  const server = Number(/dur=([\\d.]+)/.exec(response.headers.get('server-timing') ?? '')?.[1] ?? NaN);
  const what = (init?.method ?? 'GET') + ' ' + path;
  $('asked').textContent = what;
  $('by').textContent = by;
  $('by').className = 'by ' + by;
  $('took').textContent = Number.isNaN(server) ? '' : server.toFixed(2) + ' ms in the server';
  const row = document.createElement('tr');
  row.append(node('td', what), node('td', by), node('td', Number.isNaN(server) ? '' : server.toFixed(2) + ' ms', { className: 'n' }), node('td', browser.toFixed(1) + ' ms', { className: 'n' }));
  $('log').prepend(row);
  while ($('log').children.length > 8) $('log').lastChild.remove();
  await tiers();
  if (!response.ok) {
    $('answer').replaceChildren(node('p', body.message ?? response.statusText, { className: 'error' }));
    return undefined;
  }
  return body;
}

function show(rows) {
  const table = document.createElement('table');
  const columns = Object.keys(rows[0] ?? {});
  const head = table.createTHead().insertRow();
  for (const name of [...columns, '']) head.append(node('th', name));
  for (const row of rows) {
    const line = table.insertRow();
    for (const name of columns) line.append(node('td', typeof row[name] === 'object' ? JSON.stringify(row[name]) : row[name]));
    const cell = line.insertCell();
    if (row.id) cell.append(node('button', 'one more inhabitant', { type: 'button', onclick: () => grow(row) }));
  }
  $('answer').replaceChildren(table);
}

async function grow(city) {
  const changed = await ask('/cities/' + city.id, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ population: city.population + 1 }) });
  if (changed) { const again = await ask(last); if (again) show(Array.isArray(again) ? again : [again]); }
}

async function tiers() {
  const stats = await (await fetch('/stats')).json();
  $('tiers').replaceChildren(...Object.entries(stats.tiers).map(([name, tier]) => node('li', name + ': ' + tier.state + ', ' + tier.hits + ' hits')));
}

async function run(path) {
  last = path;
  const body = await ask(path);
  if (body) show(Array.isArray(body) ? body : [body]);
}

$('ask').onsubmit = (event) => {
  event.preventDefault();
  const [lat, lon] = new FormData(event.target).get('place').split(',');
  void run('/nearest?lat=' + lat + '&lon=' + lon);
};
$('country').onsubmit = (event) => {
  event.preventDefault();
  void run('/countries/' + encodeURIComponent(new FormData(event.target).get('code')));
};
void tiers();
</script>
</body>
</html>
`;
