import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { HOUSE_RULES } from './house-rules.ts';

/** Static and dynamic imports and re-exports of relative files; the formatter keeps each on a shape that this recognises. */
const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)['"](\.{1,2}\/[^'"]+)['"]/gm;

export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** Every TypeScript file below the folders with the project's own files that it imports. */
export function readImports(root: string, folders: readonly string[]): ImportGraph {
  const graph = new Map<string, readonly string[]>();
  for (const folder of folders.filter((name) => existsSync(join(root, name)))) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.parentPath.includes('.mutant-')) continue;
      const path = join(entry.parentPath, entry.name);
      const file = path.slice(root.length + 1).replaceAll('\\', '/');
      graph.set(file, importsOf(readFileSync(path, 'utf8'), file));
    }
  }
  return graph;
}

/** The imports of one file, as paths from the project's root. */
export function importsOf(source: string, file: string): readonly string[] {
  return [...source.matchAll(IMPORT)].map(([, path]) =>
    normalize(join(dirname(file), path ?? '')).replaceAll('\\', '/'),
  );
}

/** Every import that breaks a rule, and every import circle, each in one line. */
export function faultsOf(graph: ImportGraph): readonly string[] {
  const broken = [...graph].flatMap(([from, imports]) =>
    imports.flatMap((to) =>
      HOUSE_RULES.filter((rule) => rule.forbids(from, to)).map(
        (rule) => `${from} imports ${to}: ${rule.name}. ${rule.why}`,
      ),
    ),
  );
  const circle = findCircle(graph);
  return circle ? [...broken, `import circle: ${circle.join(' -> ')}`] : broken;
}

/** One import circle, if there is any: depth-first, a file on the current path met again closes it. */
export function findCircle(graph: ImportGraph): readonly string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | null => {
    if (done.has(file)) return null;
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle) return circle;
  }
  return null;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const graph = readImports(root, ['src', 'channels', 'sdk', 'test', 'bench', 'scripts']);
  const faults = faultsOf(graph);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exit(1);
  process.stdout.write(`house rules: ${graph.size} files, ${HOUSE_RULES.length} rules, no fault\n`);
}
