/** What a PromQL expression names: metrics and labels. No parser: enough for the expressions of `ops/`. */

export interface Named {
  /** Names of metrics, and regular expressions that `__name__` is matched with. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  /** Each selector on its own. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
}

const SELECTOR = /([a-zA-Z_:][\w:]*)?\{([^}]*)\}/g;
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g;
const LIST = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const WORD = /(?<![\w:.$[])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])/g;
const KEYWORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'by', 'on', 'Inf']);

export function namedBy(expression: string): Named {
  const selectors = [...expression.matchAll(SELECTOR)].map(([, word, inside = '']) => {
    const matchers = [...inside.matchAll(MATCHER)];
    const byName = matchers.find(([, label]) => label === '__name__');
    return {
      metric: word ?? byName?.[2] ?? '',
      labels: matchers.map(([, label = '']) => label).filter((label) => label !== '__name__'),
    };
  });
  const lists = [...expression.matchAll(LIST)].flatMap(([, inside = '']) =>
    inside.split(',').map((label) => label.trim()),
  );
  const bare = expression
    .replaceAll(SELECTOR, ' ')
    .replaceAll(LIST, ' ')
    .replaceAll(/"[^"]*"|\[[^\]]*\]/g, ' ');
  const words = [...bare.matchAll(WORD)].map(([word]) => word);
  return {
    metrics: unique([
      ...selectors.map(({ metric }) => metric),
      ...words.filter((word) => !KEYWORDS.has(word) && !/^\d/.test(word)),
    ]),
    labels: unique([...selectors.flatMap(({ labels }) => labels), ...lists.filter(Boolean)]),
    selectors,
  };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
