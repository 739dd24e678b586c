export type { CommitStats } from './commit-queue.ts';
export { isInUse, lockMove } from './connection.ts';
export { type HeldSource, holdMovingSource, type MovingSource, openMovingSource, whereMoved } from './moving.ts';
export { openSqliteReader, openSqliteStore, type SqliteOptions, type SqliteReader, type SqliteStore } from './store.ts';
