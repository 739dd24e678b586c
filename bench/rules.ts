import type { Scene } from '../src/payment/index.ts';
import {
  type ChannelView,
  compileCondition,
  DEFAULT_WEIGHTS,
  holdingRules,
  type RoutingRequest,
  type RoutingRule,
  type RuleEffect,
  type RuleFacts,
  rank,
  ruleContext,
} from '../src/routing/index.ts';

/**
 * What routing rules cost, in CPU time per decision, so that a busy machine does not spoil the figures:
 * `node bench/rules.ts [decisions]`.
 */
const DECISIONS = Number(process.argv[2] ?? 100_000);
const NOW = Date.UTC(2026, 0, 1);
const SCENE: Scene = 'qr';

function rule(name: string, when: string, effect: RuleEffect): RoutingRule {
  const condition = compileCondition(when);
  if (!condition.ok) throw new Error(condition.error.message);
  return { name, holds: condition.value, effect };
}

const RULES = [
  rule('small', "amount < 500 && 'wechatpay' in methods", { kind: 'prefer', channelIds: ['c1'] }),
  rule('night', "now.getHours('Asia/Shanghai') >= 23", { kind: 'exclude', channelIds: ['c2'] }),
  rule('tier', "has(metadata.tier) && metadata.tier == 'gold'", { kind: 'require', channelIds: ['c1'] }),
  rule('canary', 'true', {
    kind: 'split',
    shares: [
      { channelId: 'c3', sharePpm: 950_000 },
      { channelId: 'c4', sharePpm: 50_000 },
    ],
  }),
];

const FACTS: RuleFacts = {
  ...{ amountMinor: 1_000, currency: 'CNY', methods: ['alipay'], scene: SCENE, merchantId: 'm_demo', country: '' },
  ...{ subject: 'A game key', metadata: { campaign: 'spring' }, now: NOW },
};

const REQUEST: RoutingRequest = {
  ...{ amount: { minor: 1_000, currency: 'CNY' }, methods: ['alipay'], scene: SCENE, buyerIpKnown: true },
  ...{ pinnedChannelId: null, merchantChannels: 'all', triedChannelIds: [] },
};

const view = (_: unknown, index: number): ChannelView => ({
  profile: {
    ...{ id: `c${index}`, enabled: true, weight: 100, methods: ['alipay'], currencies: ['CNY'], scenes: [SCENE] },
    fee: { ratePpm: 6_000 + index, fixedMinor: 0, minMinor: 1, maxMinor: null },
    limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null },
    settlementDelayMs: 0,
  },
  estimate: () => ({
    technicalRatio: 1,
    paymentRatio: 0.9,
    sampleSize: 100,
    latencyMs: 300,
    lostMs: 1_500,
    opened: 100,
    openedAt: NOW,
    low: false,
  }),
  ...{ needsBuyerIp: () => false, breakerOpen: false, trialDue: false, outOfService: false },
  ...{ coolingDown: false, quotaUsedUp: false, usedTodayMinor: 0, startedThisMinute: 0 },
});

function measure(what: string, work: (round: number) => unknown): void {
  for (let round = 0; round < DECISIONS / 5; round += 1) work(round);
  const before = process.cpuUsage();
  for (let round = 0; round < DECISIONS; round += 1) work(round);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${what.padEnd(40)} ${((user + system) / DECISIONS).toFixed(2)} µs\n`);
}

const evaluate = (rules: readonly RoutingRule[], round: number) =>
  holdingRules(rules, ruleContext({ ...FACTS, now: NOW + round * 100 }), () => {});
const views = Array.from({ length: 10 }, view);
const decide = (rules: readonly RoutingRule[]) =>
  rank(
    { ...REQUEST, rules },
    views,
    {
      ...{ strategy: 'weights', weights: DEFAULT_WEIGHTS, marginBps: 2_500, bandEdgesMinor: [], explorationShare: 0 },
    },
    {
      ...{ now: NOW, random: Math.random },
    },
  );

for (const one of RULES) measure(`condition of ${one.name}`, (round) => evaluate([one], round));
measure('four conditions', (round) => evaluate(RULES, round));
measure('choice of ten channels, no rule', () => decide([]));
measure('choice of ten channels, two rules hold', () => decide(RULES.slice(1).filter(({ name }) => name !== 'tier')));
