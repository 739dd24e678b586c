import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Result } from '../payment/index.ts';
import type { LoadedConfig } from './assemble.ts';
import type { ConfigFault } from './faults.ts';
import { type LoadOptions, loadConfig } from './load.ts';

/** A configuration as it was read, with what is needed to notice that its files have changed. */
export interface Reading {
  readonly loaded: Result<LoadedConfig, readonly ConfigFault[]>;
  /** Of the content of every file that was read. */
  readonly fingerprint: string;
  /** By path: what told a file from any other version of itself just before it was read. */
  readonly marks: ReadonlyMap<string, string>;
}

/** A file that changes while it is read is read again so often, at this distance. */
const TRIES_MAX = 8;
const TRY_AGAIN_MS = 50;

/** Far above what a configuration may hold; reading more would hold up payments. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Reads both files and those that they name, and notes their marks. */
export function readConfig(options: Omit<LoadOptions, 'readFile'>): Reading {
  const marks = new Map<string, string>();
  const hash = createHash('sha256');
  const loaded = loadConfig({
    ...options,
    readFile: (path) => {
      // The mark first: a change in between is then seen as one, and never missed.
      if (!marks.has(path)) marks.set(path, markNow(path));
      const text = read(path);
      hash.update(JSON.stringify([path, text.ok ? text.value : null]));
      if (!text.ok) throw text.cause;
      return text.value;
    },
  });
  return { loaded, fingerprint: hash.digest('hex'), marks };
}

/** The same at a moment when no file is being written. One that never rests is taken as it is at the end. */
export async function readConfigAtRest(options: Omit<LoadOptions, 'readFile'>): Promise<Reading> {
  for (let tries = 1; ; tries += 1) {
    const reading = readConfig(options);
    if (tries >= TRIES_MAX || sameMarks(reading.marks, await marksOf(reading.marks.keys()))) return reading;
    await pause(TRY_AGAIN_MS);
  }
}

/** The marks of these files now. Follows links, so that a folder whose link is exchanged is noticed. */
export async function marksOf(paths: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>();
  for (const path of paths) marks.set(path, await stat(path, { bigint: true }).then(markOf, missing));
  return marks;
}

export function sameMarks(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, mark]) => b.get(path) === mark);
}

function read(path: string): { ok: true; value: string } | { ok: false; cause: unknown } {
  try {
    const stats = statSync(path);
    // A pipe would be waited for, and everything with it.
    if (!stats.isFile() && !stats.isDirectory()) return { ok: false, cause: withCode('ENOTSUP') };
    if (stats.size > FILE_BYTES_MAX) return { ok: false, cause: withCode('EFBIG') };
    return { ok: true, value: readFileSync(path, 'utf8') };
  } catch (cause) {
    return { ok: false, cause };
  }
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function markNow(path: string): string {
  try {
    return markOf(statSync(path, { bigint: true }));
  } catch (thrown) {
    return missing(thrown);
  }
}

type Stats = {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
};

function markOf({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join('/');
}

function missing(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unreadable';
}
