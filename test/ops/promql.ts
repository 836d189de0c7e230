/** What a PromQL expression names: metrics and labels. No parser: enough for the expressions of `ops/`. */

export interface Named {
  /** Names of metrics, and regular expressions that `__name__` is matched with. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  /** Which labels are asked of which metric: by a selector, or by a `by (…)` before it. */
  readonly pairs: readonly { readonly metric: string; readonly label: string }[];
}

const SELECTOR = /([a-zA-Z_:][\w:]*)?\{([^}]*)\}/g;
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g;
const LIST = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const WORD = /(?<![\w:.$])[a-zA-Z_:][\w:]*(?![\w:])(?!\s*\()/g;
const KEYWORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'by', 'on', 'Inf']);

export function namedBy(expression: string): Named {
  const found = [...selectorsOf(expression), ...wordsOf(expression)].sort((a, b) => a.at - b.at);
  const lists = [...expression.matchAll(LIST)].map(({ 1: inside = '', index }) => ({
    at: index,
    labels: inside.split(',').map((label) => label.trim()),
  }));
  const asked = lists.flatMap(({ at, labels }) => {
    const next = found.find((one) => one.at > at);
    return next ? [{ ...next, labels }] : [];
  });
  const pairs = [...found, ...asked].flatMap(({ labels, metric }) =>
    labels.filter(Boolean).map((label) => ({ metric, label })),
  );
  return {
    metrics: [...new Set(found.map(({ metric }) => metric))],
    labels: [...new Set(pairs.map(({ label }) => label))],
    pairs,
  };
}

interface Found {
  readonly at: number;
  readonly metric: string;
  readonly labels: readonly string[];
}

function selectorsOf(expression: string): Found[] {
  return [...expression.matchAll(SELECTOR)].map(({ 1: word, 2: inside = '', index }) => {
    const matchers = [...inside.matchAll(MATCHER)];
    const byName = matchers.find(([, label]) => label === '__name__');
    const labels = matchers.map(([, label = '']) => label).filter((label) => label !== '__name__');
    return { at: index, metric: word ?? byName?.[2] ?? '', labels };
  });
}

/** Metrics without a selector. What is no metric is blanked, so that places stay the same. */
function wordsOf(expression: string): Found[] {
  const blank = (text: string): string => ' '.repeat(text.length);
  const bare = [SELECTOR, LIST, /"[^"]*"|\[[^\]]*\]/g].reduce(
    (text, pattern) => text.replaceAll(pattern, blank),
    expression,
  );
  return [...bare.matchAll(WORD)]
    .filter(([word]) => !KEYWORDS.has(word))
    .map(({ 0: metric, index }) => ({ at: index, metric, labels: [] }));
}
