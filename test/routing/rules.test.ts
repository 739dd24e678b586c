import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compileCondition,
  holdingRules,
  type RoutingRule,
  type RuleEffect,
  type RuleFacts,
  rank,
  ruleContext,
} from '../../src/routing/index.ts';
import { seeded } from '../gateway/stage.ts';
import { anyRequest, anyViews, aRequest, aRule, aSettings, aView, chance, NEW_YEAR } from './builders.ts';

const facts = (set: Partial<RuleFacts> = {}): RuleFacts => ({
  amountMinor: 1_000,
  currency: 'CNY',
  methods: ['alipay', 'wechatpay'],
  scene: 'qr',
  merchantId: 'm_demo',
  country: 'CN',
  subject: 'A game key',
  metadata: { tier: 'gold' },
  now: Date.parse('2026-01-01T23:30:00+08:00'),
  ...set,
});

const says = (when: string, set: Partial<RuleFacts> = {}) => {
  const condition = compileCondition(when);
  if (!condition.ok) throw new Error(condition.error.message);
  return condition.value(ruleContext(facts(set)));
};

describe('a condition', () => {
  test.each([
    ['true', true],
    ["amount < 500 && 'wechatpay' in methods", false],
    ["amount >= 500 && 'wechatpay' in methods", true],
    ["now.getHours('Asia/Shanghai') >= 23", true],
    ["now.getHours('UTC') >= 23", false],
    ['now.getHours() == 15', true],
    ["now.getMinutes('Asia/Kolkata') == 0", true],
    ["now.getDayOfWeek('Asia/Shanghai') == 4 && now.getDate('Asia/Shanghai') == 1", true],
    ["now > timestamp('2026-01-01T15:00:00Z')", true],
    ["currency in ['CNY', 'USD'] && scene == 'qr' && merchant == 'm_demo' && country == 'CN'", true],
    ["metadata.tier == 'gold'", true],
    ["'tier' in metadata && metadata['tier'].startsWith('g')", true],
    ["has(metadata.channel) && metadata.channel == 'app'", false],
    ["subject.contains('key')", true],
    ["'constructor' in metadata", false],
  ])('%s: %s', (when, expected) => {
    expect(says(when)).toEqual({ ok: true, value: expected });
  });

  test('that cannot be evaluated says so in a word and throws nothing', () => {
    expect(says("metadata.level == 'gold'")).toEqual({ ok: false, error: 'no_such_key' });
    expect(says('amount / (amount - 1000) > 1')).toEqual({ ok: false, error: 'division_by_zero' });
    expect(says('now.getHours(metadata.tier) > 1')).toEqual({ ok: false, error: 'evaluation_failed' });
  });

  test('holds for the largest amount, exactly', () => {
    expect(says('amount == 10000000000000', { amountMinor: 10_000_000_000_000 })).toEqual({ ok: true, value: true });
  });

  test('tells the wall time of a zone as the zone database does, in every zone and at every moment', () => {
    const anyMoment = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) });
    fc.assert(
      fc.property(anyMoment, fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'Asia/Kathmandu'), (now, zone) => {
        const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, timeStyle: 'medium' });
        const [hour, minute] = format.format(now).split(':').map(Number);
        const when = `now.getHours('${zone}') == ${hour} && now.getMinutes('${zone}') == ${minute}`;
        expect(says(when, { now })).toEqual({ ok: true, value: true });
      }),
    );
  });

  test.each([
    ['amout < 500', /uses amout, which is not a variable; there are amount, currency/],
    ["amount < 'x'", /no such overload: int < string/],
    ['amount + 1', /must be true or false.*not int/],
    ['metadata.tier', /must be true or false.*not string/],
    ['amount <', /Unexpected token.*at character 9/],
    ['', /is no condition/],
    ['frobnicate(amount)', /no matching overload/],
    ["subject.matches('(a+)+$')", /uses matches, which rules do not have/],
    ["methods.exists(m, m.matches('(a+)+$'))", /uses matches/],
    ["now.getHours('Asia/Shangai') > 1", /time zone Asia\/Shangai, which does not exist/],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, /is no condition/],
    [`amount < ${'1'.repeat(1_000)}`, /at most 1000 characters/],
  ])('is refused when it is %s', (when, message) => {
    const condition = compileCondition(when);
    expect(condition.ok || condition.error.message).toMatch(message);
  });
});

describe('of several rules', () => {
  const exclude = (name: string, when = 'true'): RoutingRule =>
    aRule({ kind: 'exclude', channelIds: ['a'] }, when, name);

  test('the first that holds counts, for each effect on its own', () => {
    const rules = [
      exclude('never', 'amount < 10'),
      exclude('first'),
      aRule({ kind: 'prefer', channelIds: ['b'] }),
      exclude('second'),
    ];
    const holding = holdingRules(rules, ruleContext(facts()), () => {});
    expect(holding.map(({ name }) => name)).toEqual(['first', 'prefer']);
  });

  test('one that cannot be evaluated is told and passed over', () => {
    const told: string[] = [];
    const rules = [exclude('broken', "metadata.level == 'x'"), exclude('sound')];
    const holding = holdingRules(rules, ruleContext(facts()), (...error) => told.push(error.join(': ')));
    expect(holding.map(({ name }) => name)).toEqual(['sound']);
    expect(told).toEqual(['broken: no_such_key']);
  });
});

/** Three channels, a before b before c by their fees. */
const views = ['a', 'b', 'c'].map((id, dearer) =>
  aView({ profile: { id, fee: { ratePpm: 6_000 + dearer * 1_000, fixedMinor: 0, minMinor: 0, maxMinor: null } } }),
);
const order = (ranking: ReturnType<typeof rank>) =>
  ranking.candidates.map(({ channelId, excluded }) => (excluded ? `${channelId}: ${excluded}` : channelId));
const decide = (effects: readonly RuleEffect[], set: Parameters<typeof aRequest>[0] = {}, draw = 0.5) =>
  rank(aRequest({ ...set, rules: effects.map((effect) => aRule(effect)) }), views, aSettings(), chance(draw));

describe('exclude', () => {
  test('keeps channels out, and the decision names the rule', () => {
    const ranking = decide([{ kind: 'exclude', channelIds: ['a', 'c'] }]);
    expect(order(ranking)).toEqual(['b', 'a: rule', 'c: rule']);
    expect(ranking.candidates[1]?.rule).toBe('exclude');
    expect(ranking.choice?.decision).toMatchObject({
      reason: 'best_score',
      rules: [{ name: 'exclude', effect: 'exclude' }],
      explanation: 'b: the only channel that can take this payment; exclude excludes a, c',
    });
  });

  test('says nothing of a channel that could not take the payment anyway', () => {
    const set = { triedChannelIds: ['a'] };
    const decision = decide([{ kind: 'exclude', channelIds: ['a'] }], set).choice?.decision;
    expect(decision?.rules).toBeUndefined();
    expect(decision?.explanation).not.toContain('exclude');
  });

  test('wins over a pin: the payment is refused', () => {
    const ranking = decide([{ kind: 'exclude', channelIds: ['a'] }], { pinnedChannelId: 'a' });
    expect(ranking).toMatchObject({ choice: null });
    expect(order(ranking)[0]).toBe('a: rule');
  });
});

describe('require', () => {
  test('leaves only the named channels, in the order of their scores', () => {
    const ranking = decide([{ kind: 'require', channelIds: ['c', 'b'] }]);
    expect(order(ranking)).toEqual(['b', 'c', 'a: rule']);
    expect(ranking.choice?.decision.explanation).toContain('; require requires c, b, which excludes a');
  });

  test('refuses the payment rather than sending it elsewhere', () => {
    expect(decide([{ kind: 'require', channelIds: ['c'] }], { triedChannelIds: ['c'] })).toMatchObject({
      choice: null,
    });
    expect(decide([{ kind: 'require', channelIds: ['c'] }], { pinnedChannelId: 'a' })).toMatchObject({ choice: null });
  });
});

describe('prefer', () => {
  test('puts the named channels first, by score, and leaves the others for failover', () => {
    const ranking = decide([{ kind: 'prefer', channelIds: ['c', 'b'] }]);
    expect(order(ranking)).toEqual(['b', 'c', 'a']);
    expect(ranking.choice?.decision).toMatchObject({
      ...{ channelId: 'b', reason: 'preferred', draw: null },
      rules: [{ name: 'prefer', effect: 'prefer' }],
      explanation: 'prefer prefers c, b',
    });
    const next = decide([{ kind: 'prefer', channelIds: ['c', 'b'] }], { triedChannelIds: ['b'] });
    expect(next.choice?.decision).toMatchObject({ channelId: 'c', position: 'failover' });
    expect(next.choice?.decision.explanation).toBe('after b failed, prefer prefers c, b');
    const last = decide([{ kind: 'prefer', channelIds: ['c', 'b'] }], { triedChannelIds: ['b', 'c'] });
    expect(last.choice?.decision).toMatchObject({ channelId: 'a', reason: 'best_score' });
    expect(last.choice?.decision.rules).toBeUndefined();
  });

  test('leaves no room for exploration', () => {
    const request = aRequest({ rules: [aRule({ kind: 'prefer', channelIds: ['c'] })] });
    const ranking = rank(request, views, aSettings({ explorationShare: 1 }), chance(0));
    expect(ranking.choice).toMatchObject({ channelId: 'c', decision: { reason: 'preferred', draw: null } });
  });

  test('gives way to a pin', () => {
    const ranking = decide([{ kind: 'prefer', channelIds: ['c'] }], { pinnedChannelId: 'a' });
    expect(ranking.choice?.decision).toMatchObject({ channelId: 'a', reason: 'pinned' });
    expect(ranking.choice?.decision.rules).toBeUndefined();
  });
});

describe('split', () => {
  const canary: RuleEffect = {
    kind: 'split',
    shares: [
      { channelId: 'a', sharePpm: 950_000 },
      { channelId: 'c', sharePpm: 50_000 },
    ],
  };

  test('draws the first choice, stores the draw, and leaves the rest by score', () => {
    const ranking = decide([canary], {}, 0.95);
    expect(order(ranking)).toEqual(['c', 'a', 'b']);
    expect(ranking.choice?.decision).toMatchObject({
      ...{ channelId: 'c', reason: 'split', draw: 0.95 },
      rules: [{ name: 'split', effect: 'split' }],
      explanation: 'split sends 5% to c',
    });
    expect(decide([canary], {}, 0.949).choice?.channelId).toBe('a');
  });

  test('gives each its share of many payments', () => {
    const random = seeded(7);
    const request = aRequest({ rules: [aRule(canary)] });
    const won = new Map<string, number>();
    for (let i = 0; i < 10_000; i += 1) {
      const id = rank(request, views, aSettings(), { now: NEW_YEAR, random }).choice?.channelId ?? 'none';
      won.set(id, (won.get(id) ?? 0) + 1);
    }
    // Four standard deviations of a binomial with 10,000 draws at 5%.
    expect(Math.abs((won.get('c') ?? 0) - 500)).toBeLessThan(4 * Math.sqrt(10_000 * 0.05 * 0.95));
    expect((won.get('a') ?? 0) + (won.get('c') ?? 0)).toBe(10_000);
  });

  test('with one of its channels out goes to the others, without a draw when one is left', () => {
    const out = views.map((view) => (view.profile.id === 'a' ? { ...view, breakerOpen: true } : view));
    const ranking = rank(aRequest({ rules: [aRule(canary)] }), out, aSettings(), chance(0.1));
    expect(order(ranking)).toEqual(['c', 'b', 'a: breaker_open']);
    expect(ranking.choice?.decision).toMatchObject({
      ...{ reason: 'split', draw: null },
      explanation: 'split sends 100% to c, since others of its split cannot take this payment',
    });
  });

  test('draws for the first choice only: failover goes on by score', () => {
    const ranking = decide([canary], { triedChannelIds: ['c'] });
    expect(ranking.choice?.decision).toMatchObject({ channelId: 'a', reason: 'best_score', draw: null });
  });

  test('behind a prefer divides what the preferred get; before it, it has the first word', () => {
    const prefer: RuleEffect = { kind: 'prefer', channelIds: ['b'] };
    expect(order(decide([prefer, canary], {}, 0.99))).toEqual(['b', 'c', 'a']);
    expect(decide([prefer, canary], {}, 0.99).choice?.decision).toMatchObject({ reason: 'preferred', draw: null });
    expect(order(decide([canary, prefer], {}, 0.99))).toEqual(['c', 'b', 'a']);
    const both: RuleEffect = { kind: 'prefer', channelIds: ['a', 'c'] };
    expect(decide([both, canary], {}, 0.99).choice?.decision).toMatchObject({
      ...{ channelId: 'c', reason: 'split', draw: 0.99 },
      explanation: 'prefer prefers a, c; split sends 5% to c',
    });
  });

  test('gives way to a pin, and asks chance for nothing', () => {
    const random = () => {
      throw new Error('drawn');
    };
    const request = aRequest({ pinnedChannelId: 'a', rules: [aRule(canary)] });
    expect(rank(request, views, aSettings(), { now: NEW_YEAR, random }).choice?.channelId).toBe('a');
  });
});

describe('whatever the rules', () => {
  const ids = Array.from({ length: 8 }, (_, index) => `channel-${index}`);
  const anyIds = fc.subarray(ids, { minLength: 1 });
  const anyEffect: fc.Arbitrary<RuleEffect> = fc.oneof(
    fc.record({ kind: fc.constantFrom('exclude', 'require', 'prefer'), channelIds: anyIds }),
    anyIds.map((named): RuleEffect => {
      const each = Math.floor(1_000_000 / named.length);
      return { kind: 'split', shares: named.map((channelId) => ({ channelId, sharePpm: each })) };
    }),
  );
  const anyRules = fc.array(anyEffect, { maxLength: 5 }).map((effects) => {
    const rules = effects.map((effect, index) => aRule(effect, 'true', `rule-${index}`));
    return holdingRules(rules, ruleContext(facts()), () => {});
  });

  test('no channel is lost or doubled, and no excluded one is chosen', () => {
    fc.assert(
      fc.property(
        anyViews,
        anyRequest,
        anyRules,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (all, request, rules, draw) => {
          const ranking = rank({ ...request, rules }, all, aSettings(), chance(draw));
          const seen = ranking.candidates.map(({ channelId }) => channelId);
          expect(seen.toSorted()).toEqual(all.map(({ profile }) => profile.id).toSorted());
          const without = rank(request, all, aSettings(), chance(draw));
          const free = (of: typeof ranking) => of.candidates.filter(({ excluded }) => excluded === null);
          const mayBefore = new Set(free(without).map(({ channelId }) => channelId));
          expect(free(ranking).every(({ channelId }) => mayBefore.has(channelId))).toBe(true);
          if (ranking.choice?.decision.reason === 'panic') expect(free(ranking)).toEqual([]);
          else if (ranking.choice) expect(free(ranking)[0]?.channelId).toBe(ranking.choice.channelId);
          else expect(free(ranking)).toEqual([]);
          for (const { effect } of rules) {
            const chosen = ranking.choice?.channelId;
            if (chosen === undefined) continue;
            if (effect.kind === 'exclude') expect(effect.channelIds).not.toContain(chosen);
            if (effect.kind === 'require') expect(effect.channelIds).toContain(chosen);
          }
        },
      ),
    );
  });
});
