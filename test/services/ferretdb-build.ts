import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/* FerretDB speaks MongoDB's protocol over SQLite and is built from its source by the Go toolchain, once per machine. */

const MODULE = 'github.com/FerretDB/FerretDB';
const VERSION = 'v1.24.2';
/** Without the backends that the tests have no use for. */
const TAGS = 'ferretdb_no_postgresql,ferretdb_no_mysql';
const BUILD_TIMEOUT_MS = 900_000;

interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const PATCHES: readonly Patch[] = [
  // MongoDB changes a document atomically. FerretDB 1 reads it, changes it and writes it back, so two updates at once lose one.
  {
    file: 'internal/handler/msg_update.go',
    from: '(int32, int32, *types.Array, error) {\n\tvar matched',
    to: '(int32, int32, *types.Array, error) {\n\toneAtATime.Lock()\n\tdefer oneAtATime.Unlock()\n\n\tvar matched',
  },
  { file: 'internal/handler/msg_update.go', from: 'import (', to: 'import (\n\t"sync"' },
  {
    file: 'internal/handler/msg_update.go',
    from: '\n// updateDocument',
    to: '\nvar oneAtATime sync.Mutex\n\n// updateDocument',
  },
  // MongoDB finds a document by its `_id` and looks at the rest of the filter then. FerretDB 1 reads the whole collection.
  {
    file: 'internal/backends/sqlite/collection.go',
    from: 'if params.Filter.Len() == 1 {',
    to: 'if params.Filter.Len() > 0 {',
  },
];

/** Where the program is, once it is built; another version or patch is another place. */
export function ferretdbPath(): string {
  const recipe = createHash('sha256')
    .update(JSON.stringify([VERSION, TAGS, PATCHES]))
    .digest('hex')
    .slice(0, 8);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(cache, 'switchyard', `ferretdb-${VERSION}-${recipe}`, 'ferretdb');
}

function build(go: string): void {
  const path = ferretdbPath();
  if (existsSync(path)) return;
  const folder = join(path, '..');
  const source = join(folder, 'source');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (cwd: string, ...args: string[]): string =>
    execFileSync(go, args, { cwd, encoding: 'utf8', timeout: BUILD_TIMEOUT_MS, stdio: ['ignore', 'pipe', 'ignore'] });
  const { Dir } = JSON.parse(run(folder, 'mod', 'download', '-json', `${MODULE}@${VERSION}`)) as { Dir: string };
  cpSync(Dir, source, { recursive: true });
  execFileSync('chmod', ['-R', 'u+w', source]);
  for (const { file, from, to } of PATCHES) patch(join(source, file), from, to);
  writeFileSync(join(source, 'build/version/version.txt'), `${VERSION}\n`);
  run(source, 'build', '-tags', TAGS, '-o', `${path}.new`, './cmd/ferretdb');
  rmSync(source, { recursive: true, force: true });
  renameSync(`${path}.new`, path);
}

function patch(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no place for its patch`);
  writeFileSync(file, text.replaceAll(from, to));
}

const [, , go] = process.argv;
if (import.meta.main && go !== undefined) build(go);
