import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './pages.ts';

/** Every report with a constant message: the statement up to its end, and the last text in it. */
const REPORT = /\b(?:telemetry|log)(?:\.(info|warn|error)|\[[^\]]*\])\(([\s\S]*?)\)+[;,]?\n/g;
/** A row of the table: message, level, fields, what to do. */
const ROW = /^\| `([^`]+)` +\| (info|warn|error|info, warn|warn, error) +\|/gm;

function reported(): ReadonlyMap<string, ReadonlySet<string>> {
  const src = join(ROOT, 'src');
  const found = new Map<string, Set<string>>();
  for (const name of readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
    for (const [, level, given = ''] of readFileSync(join(src, name), 'utf8').matchAll(REPORT)) {
      const message = [...given.matchAll(/'([^']+)',?\s*$/g)].at(-1)?.[1];
      if (message === undefined) continue;
      const levels = found.get(message) ?? new Set();
      found.set(message, levels.add(level ?? 'info, warn'));
    }
  }
  return found;
}

test('every line of the log stands in the table of docs/operations.md with its level, and no other does', () => {
  const table = new Map(
    [...readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').matchAll(ROW)].map(([, message, level]) => [
      message,
      level,
    ]),
  );
  const program = new Map([...reported()].map(([message, levels]) => [message, [...levels].sort().join(', ')]));
  expect(program.size).toBeGreaterThan(30);
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(program));
});
