export type { GateSettings, GateState } from './breaker-rule.ts';
export * from './breakers.ts';
export type { CallTicket } from './call-record.ts';
export { type ContractUse, contractFor } from './contract.ts';
export { leadClass } from './demand.ts';
export { exclusionOf, methodFor, takesOrders } from './eligibility.ts';
export { type RoutingNews, routingNewsSchema } from './news.ts';
export { type Pacing, pacedMinor } from './pacing.ts';
export type { Segment } from './paid-share.ts';
export { type Chance, rank } from './rank.ts';
export { compileCondition, RULE_VARIABLES, type RuleFacts, ruleContext } from './rule-language.ts';
export { arrange, holdingRules, type RoutingRule, type RuleEffect, ruleAgainst } from './rules.ts';
export {
  DEFAULT_WEIGHTS,
  expectedShare,
  factorsOf,
  type Pull,
  preferenceMultiplier,
  pullOf,
  type Traits,
  valueFor,
} from './score.ts';
export { createSharing, type Sharing } from './sharing.ts';
export * from './statistics.ts';
export * from './types.ts';
export {
  DEFAULT_ZONE,
  isTimeZone,
  type Period,
  type PeriodKind,
  periodAt,
  wallMinute,
  zoneOffsetMs,
} from './wall-clock.ts';
export { type MaintenanceWindow, maintenanceAt, maintenanceEnd } from './windows.ts';
