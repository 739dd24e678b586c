export * from './breakers.ts';
export { exclusionOf, methodFor, takesOrders } from './eligibility.ts';
export { type Pacing, pacedMinor } from './pacing.ts';
export { type Chance, rank } from './rank.ts';
export { compileCondition, RULE_VARIABLES, type RuleFacts, ruleContext } from './rule-language.ts';
export { arrange, holdingRules, type RoutingRule, type RuleEffect, ruleAgainst } from './rules.ts';
export { factorsOf, scoreOf, type Traits } from './score.ts';
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
export { type MaintenanceWindow, maintenanceAt } from './windows.ts';
