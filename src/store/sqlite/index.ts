export type { CommitStats } from './commit-queue.ts';
export { openSqliteReader, openSqliteStore, type SqliteOptions, type SqliteReader, type SqliteStore } from './store.ts';
