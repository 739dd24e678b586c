import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, type SqliteOptions, type SqliteStore } from '../../../src/store/sqlite/index.ts';

export interface TemporaryStore {
  readonly store: SqliteStore;
  readonly path: string;
  reopen(): Promise<SqliteStore>;
  dispose(): Promise<void>;
}

export function makeTemporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'switchyard-store-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A store in a directory of its own, which goes with it. */
export function openTemporaryStore(options: Omit<SqliteOptions, 'path'> = {}): TemporaryStore {
  const directory = makeTemporaryDirectory();
  const path = join(directory.path, 'switchyard.db');
  const open = (): SqliteStore => openSqliteStore({ ...options, path });
  const first = open();
  let current = first;
  return {
    store: first,
    path,
    async reopen() {
      await current.close();
      current = open();
      return current;
    },
    async dispose() {
      await current.close();
      directory.remove();
    },
  };
}
