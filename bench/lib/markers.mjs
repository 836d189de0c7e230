// Puts measured figures where the documentation keeps them: between two markers, so that no figure is ever copied by hand.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';

export const inRepository = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The text with what stands between the markers of this name replaced; throws where there are none. */
export function replaceBetween(text, name, markdown) {
  const [begin, end] = [`<!-- figures:${name} -->`, '<!-- /figures -->'];
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`no markers of figures called ${name}`);
  return `${text.slice(0, from + begin.length)}\n\n${markdown.trim()}\n\n${text.slice(to)}`;
}

/** @param figures - markdown by the name of its markers */
export async function writeFigures(path, figures) {
  const file = inRepository(path);
  let text = await readFile(file, 'utf8');
  for (const [name, markdown] of Object.entries(figures))
    text = replaceBetween(text, name, markdown);
  const settings = await prettier.resolveConfig(file);
  await writeFile(file, await prettier.format(text, { ...settings, filepath: file }));
}

/** A table of markdown. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
