import fc from 'fast-check';
import type { Money } from '../../src/payment/index.ts';
import {
  type Chance,
  type ChannelProfile,
  type ChannelView,
  compileCondition,
  DEFAULT_WEIGHTS,
  type Estimate,
  type RoutingRequest,
  type RoutingRule,
  type RoutingSettings,
  type RoutingWeights,
  type RuleEffect,
} from '../../src/routing/index.ts';

/** 2026-01-01T00:00:00Z */
export const NEW_YEAR = 1_767_225_600_000;
export const DAY_MS = 86_400_000;

export const aProfile = (set: Partial<ChannelProfile> = {}): ChannelProfile => ({
  id: 'alipay-main',
  enabled: true,
  weight: 100,
  methods: ['alipay'],
  currencies: ['CNY'],
  scenes: ['redirect', 'qr', 'wap'],
  fee: { ratePpm: 6_000, fixedMinor: 0, minMinor: 1, maxMinor: null },
  limits: { minMinor: 1, maxMinor: 5_000_000, dailyMinor: 100_000_000, perMinute: null },
  settlementDelayMs: DAY_MS,
  ...set,
});

export const anEstimate = (set: Partial<Estimate> = {}): Estimate => ({
  technicalRatio: 1,
  paymentRatio: 0.9,
  sampleSize: 412,
  latencyMs: 300,
  lostMs: 1_500,
  opened: 500,
  openedAt: NEW_YEAR,
  lowSince: null,
  hopeful: false,
  ...set,
});

export type ViewParts = Partial<Omit<ChannelView, 'profile' | 'estimate'>> & {
  readonly profile?: Partial<ChannelProfile>;
  readonly estimate?: Partial<Estimate>;
};

export const aView = ({ profile, estimate, ...now }: ViewParts = {}): ChannelView => ({
  profile: aProfile(profile),
  estimate: () => anEstimate(estimate),
  needsBuyerIp: () => false,
  breakerOpen: false,
  trialDue: false,
  outOfService: false,
  coolingDown: false,
  quotaUsedUp: false,
  usedTodayMinor: 0,
  startedThisMinute: 0,
  ...now,
});

export const cny = (minor: number): Money => ({ minor, currency: 'CNY' });

export const aRequest = (set: Partial<RoutingRequest> = {}): RoutingRequest => ({
  amount: cny(5_000),
  methods: ['alipay'],
  scene: 'redirect',
  buyerIpKnown: true,
  pinnedChannelId: null,
  merchantChannels: 'all',
  triedChannelIds: [],
  ...set,
});

export const aSettings = (set: Partial<RoutingSettings> = {}): RoutingSettings => ({
  strategy: 'weights',
  weights: DEFAULT_WEIGHTS,
  marginBps: 2_500,
  bandEdgesMinor: [],
  explorationShare: 0,
  ...set,
});

/** Time stands still and chance says `draw`. */
export const chance = (draw = 0.5) => ({ now: NEW_YEAR, random: () => draw });

/** Who led before, and how often the lead has changed closely. */
export const led = (channelId: string, closeChanges = 0) => ({ channelId, closeChanges });

/** The same for a small payment with which up to `riskMinor` may be risked. */
export const curious = (draw = 0.5, set: Partial<ReturnType<NonNullable<Chance['stance']>>> = {}) => ({
  ...chance(draw),
  stance: () => ({ incumbent: null, small: true, riskMinor: 10_000, paymentsMs: 1_000, ...set }),
});

/** Ratios and weights in steps, so that a difference is never lost in rounding. */
export const anyRatio = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000);
export const anyWeights: fc.Arbitrary<RoutingWeights> = fc.record({
  success: fc.integer({ min: 0, max: 100 }),
  fee: fc.integer({ min: 0, max: 100 }),
  latency: fc.integer({ min: 0, max: 100 }),
  settlement: fc.integer({ min: 0, max: 100 }),
});

const anyViewParts = fc.record({
  weight: fc.constantFrom(0, 10, 50, 100, 100, 100, 200),
  enabled: fc.constantFrom(true, true, true, false),
  ratePpm: fc.integer({ min: 0, max: 60_000 }),
  fixedMinor: fc.integer({ min: 0, max: 50 }),
  settlementDelayMs: fc.integer({ min: 0, max: 14 * 24 }).map((hours) => hours * 3_600_000),
  technicalRatio: anyRatio,
  paymentRatio: anyRatio,
  sampleSize: fc.double({ min: 0, max: 5_000, noNaN: true }),
  latencyMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
  breakerOpen: fc.constantFrom(false, false, false, true),
  dailyMinor: fc.constantFrom(null, null, 10_000),
  limitPrice: fc.option(fc.double({ min: 0, max: 0.9, noNaN: true }), { freq: 3, nil: undefined }),
  tiers: fc.option(
    fc.record({
      fromMinor: fc.integer({ min: 1, max: 1_000_000 }),
      ratePpm: fc.integer({ min: 0, max: 60_000 }),
      paidMinor: fc.integer({ min: 0, max: 2_000_000 }),
      aheadMinor: fc.option(fc.double({ min: 0, max: 3_000_000, noNaN: true })),
    }),
    { freq: 3 },
  ),
});

/** One to eight channels that differ in everything that routing looks at; ids are unique. */
export const anyViews: fc.Arbitrary<ChannelView[]> = fc
  .array(anyViewParts, { minLength: 1, maxLength: 8 })
  .map((list) =>
    list.map((any, index) =>
      aView({
        profile: {
          id: `channel-${index}`,
          weight: any.weight,
          enabled: any.enabled,
          fee: {
            ...{ ratePpm: any.ratePpm, fixedMinor: any.fixedMinor, minMinor: 1, maxMinor: null },
            ...(any.tiers && { tiers: [any.tiers], tierPeriod: 'month' as const }),
          },
          settlementDelayMs: any.settlementDelayMs,
          limits: { minMinor: 1, maxMinor: null, dailyMinor: any.dailyMinor, perMinute: null },
        },
        estimate: any,
        breakerOpen: any.breakerOpen,
        ...(any.tiers && { tiers: any.tiers }),
        ...(any.limitPrice !== undefined && { limitPrice: any.limitPrice }),
      }),
    ),
  );

export const anyRequest: fc.Arbitrary<RoutingRequest> = fc
  .record({
    minor: fc.integer({ min: 1, max: 1_000_000 }),
    tried: fc.subarray(['channel-0', 'channel-1', 'channel-2']),
    pinned: fc.constantFrom(null, null, null, 'channel-1'),
  })
  .map(({ minor, tried, pinned }) => aRequest({ amount: cny(minor), triedChannelIds: tried, pinnedChannelId: pinned }));

/** A rule as a configuration makes it; its condition has to be one. */
export function aRule(effect: RuleEffect, when = 'true', name: string = effect.kind): RoutingRule {
  const condition = compileCondition(when);
  if (!condition.ok) throw new Error(condition.error.message);
  return { name, holds: condition.value, effect };
}
