export type { Renewal } from './link.ts';
export * from './moving.ts';
export * from './moving-rows.ts';
export * from './store.ts';
