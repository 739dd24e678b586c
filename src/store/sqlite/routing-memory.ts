import type Database from 'better-sqlite3';
import type { Write } from './commit-queue.ts';

/** One row, replaced as a whole. */
export function prepareRoutingMemory(db: Database.Database) {
  const save = db.prepare<[string]>(
    'INSERT INTO routing_memory VALUES (1, ?) ON CONFLICT (pk) DO UPDATE SET snapshot = excluded.snapshot',
  );
  const load = db.prepare<[], { snapshot: string }>('SELECT snapshot FROM routing_memory WHERE pk = 1');

  return {
    save(snapshot: string): Write<void> {
      return () => {
        save.run(snapshot);
        return () => {};
      };
    },
    load: (): string | null => load.get()?.snapshot ?? null,
  };
}
