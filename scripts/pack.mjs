// Packs the publishable libraries into dist/packages/, from a copy, so that the working tree keeps its source condition.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = join(root, 'dist', 'packages');

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

for (const name of readdirSync(join(root, 'libs'))) {
  const library = join(root, 'libs', name);
  const manifestFile = join(library, 'package.json');
  if (!existsSync(manifestFile)) continue;
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
  if (!manifest.private) pack(library, manifest);
}

function pack(library, manifest) {
  const copy = mkdtempSync(join(tmpdir(), 'mlc-pack-'));
  try {
    for (const name of manifest.files) copyNearest(name, library, copy);
    writeFileSync(
      join(copy, 'package.json'),
      JSON.stringify(publishable(manifest), null, 2) + '\n',
    );
    execFileSync('npm', ['pack', '--pack-destination', target], { cwd: copy, stdio: 'inherit' });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

// The library's own wins; otherwise a file at the root is the library's. A folder of the root never is.
function copyNearest(file, library, copy) {
  const isText = /^(README\.md|LICENSE)$/.test(file);
  const source = (isText ? [library, root] : [library])
    .map((folder) => join(folder, file))
    .find(existsSync);
  if (!source) throw new Error(`${file} is missing, and a package must not ship without it`);
  cpSync(source, join(copy, file), { recursive: true });
}

// `mlc-source` points at TypeScript sources, which are not in the tarball.
function publishable(manifest) {
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([door, conditions]) => {
      if (typeof conditions === 'string') return [door, conditions];
      const { 'mlc-source': _source, ...shipped } = conditions;
      return [door, shipped];
    }),
  );
  return { ...manifest, exports };
}
