export type { GateSettings, GateState } from './breaker-rule.ts';
export * from './breakers.ts';
export { exclusionOf, methodFor } from './eligibility.ts';
export type { Segment } from './paid-share.ts';
export { type Chance, rank } from './rank.ts';
export {
  DEFAULT_WEIGHTS,
  expectedShare,
  type Pull,
  preferenceMultiplier,
  pullOf,
  type Traits,
  valueFor,
} from './score.ts';
export * from './statistics.ts';
export type { CallTicket } from './technical-stage.ts';
export * from './types.ts';
