import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Page {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Everything that is written for people to follow. */
export function readPages(): readonly Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  return ['README.md', 'CHANGELOG.md', 'channels/README.md', 'sdk/README.md', ...docs].map(readPage);
}

export function readPage(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

/** The part of a page under a heading, up to the next one of its level or above; a `#` inside a block is no heading. */
export function section({ path, text }: Page, heading: string): string {
  const level = heading.indexOf(' ');
  const lines = text.split('\n');
  const from = lines.indexOf(heading);
  if (from < 0) throw new Error(`${path} has no heading ${heading}`);
  let inBlock = false;
  const end = lines.findIndex((line, index) => {
    if (index <= from) return false;
    if (line.startsWith('```')) inBlock = !inBlock;
    const hashes = /^#+(?= )/.exec(line)?.[0].length ?? Number.POSITIVE_INFINITY;
    return !inBlock && hashes <= level;
  });
  return lines.slice(from + 1, end < 0 ? undefined : end).join('\n');
}

/** The fenced blocks of one language, in order. */
export function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^```(\S*)\n([\s\S]*?)^```$/gm)].flatMap(([, given, code]) =>
    given === language ? [code ?? ''] : [],
  );
}

export function withoutBlocks(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}

/** The rows of all tables whose first cell matches, as lists of cells. */
export function rows(text: string, first: RegExp): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = '']) => first.test(cell));
}

/** Files and folders that a page names, by link or between backquotes, as paths from the project's root. */
export function namedPaths({ path, text }: Page): readonly string[] {
  const prose = withoutBlocks(text);
  const quoted = [
    ...prose.matchAll(/`((?:src|channels|config|docs|test|scripts|bench|grafana|sdk|examples)\/[\w./-]*)`/g),
  ];
  const linked = [...prose.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)];
  return [
    ...quoted.map(([, named]) => named ?? ''),
    ...linked.map(([, named]) => join(path, '..', named ?? '').replaceAll('\\', '/')),
  ];
}

export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path));
}
