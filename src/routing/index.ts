export * from './breakers.ts';
export { exclusionOf, methodFor } from './eligibility.ts';
export { type Chance, rank } from './rank.ts';
export { factorsOf, scoreOf, type Traits } from './score.ts';
export * from './statistics.ts';
export * from './types.ts';
