import { afterEach, describe, expect, test } from 'vitest';
import type { Order } from '../../src/gateway/index.ts';
import type { Payment } from '../../src/payment/index.ts';
import type { RoutingRule } from '../../src/routing/index.ts';
import { aRule } from '../routing/builders.ts';
import { refuses } from './scripted-channel.ts';
import { attemptOf, attemptsOf, HOUR, MINUTE, openStage, type Stage } from './stage.ts';

let stage: Stage<'a' | 'b' | 'c'>;
afterEach(() => stage.stop());

/** Three channels, a cheaper than b cheaper than c. */
async function open(...rules: RoutingRule[]): Promise<void> {
  stage = await openStage({ channels: { a: {}, b: {}, c: {} }, rules });
}

const decisionOf = async (set: Parameters<typeof stage.open>[0] = {}) => attemptOf(await stage.open(set), 1).decision;

describe('a rule', () => {
  test('looks at the payment: amount, currency, methods, scene, merchant, country, subject and metadata', async () => {
    const when = `amount == 777 && currency == 'CNY' && methods == ['alipay'] && scene == 'wap' && merchant == 'm_demo'
      && country == 'SG' && subject == 'Gift' && metadata.campaign == 'spring'`;
    await open(aRule({ kind: 'prefer', channelIds: ['c'] }, when));
    const payment: Partial<Order> = {
      ...{ amount: { minor: 777, currency: 'CNY' }, subject: 'Gift', customer: { country: 'SG' } },
      scene: 'wap',
      metadata: { campaign: 'spring' },
    };
    expect(await decisionOf(payment)).toMatchObject({ channelId: 'c', reason: 'preferred' });
    expect(await decisionOf({ ...payment, subject: 'Other' })).toMatchObject({ channelId: 'a', reason: 'best_score' });
  });

  test('sees all methods that there are when the shop names none', async () => {
    await open(aRule({ kind: 'prefer', channelIds: ['c'] }, "'alipay' in methods"));
    expect(await decisionOf({ methods: [] })).toMatchObject({ channelId: 'c' });
  });

  test('looks at the clock', async () => {
    await open(aRule({ kind: 'exclude', channelIds: ['a'] }, "now.getHours('Asia/Shanghai') >= 23", 'night-freeze'));
    expect(await decisionOf()).toMatchObject({ channelId: 'a' });
    stage.clock.advance(15 * HOUR);
    const decision = await decisionOf();
    expect(decision).toMatchObject({ channelId: 'b', rules: [{ name: 'night-freeze', effect: 'exclude' }] });
    expect(decision.explanation).toContain('; night-freeze excludes a');
    expect(decision.candidates.at(-1)).toMatchObject({ channelId: 'a', excluded: 'rule', rule: 'night-freeze' });
  });

  test('that cannot be evaluated stops no payment; it is counted each time and told once a minute', async () => {
    await open(aRule({ kind: 'exclude', channelIds: ['a'] }, "metadata.tier == 'gold'", 'gold'));
    for (let i = 0; i < 3; i += 1) expect(await decisionOf()).toMatchObject({ channelId: 'a' });
    const told = () =>
      stage.reports.filter(([name, , message]) => name === 'warn' && /routing rule/.test(String(message)));
    expect(stage.reports.filter(([name]) => name === 'ruleFailed')).toEqual(Array(3).fill(['ruleFailed', 'gold']));
    expect(told()).toEqual([['warn', { rule: 'gold', why: 'no_such_key' }, expect.any(String)]]);
    stage.clock.advance(MINUTE);
    await decisionOf();
    expect(told()).toHaveLength(2);
    expect(await decisionOf({ metadata: { tier: 'gold' } })).toMatchObject({ channelId: 'b' });
  });

  test('holds for every try of a payment: failover stays within it', async () => {
    await open(aRule({ kind: 'require', channelIds: ['a', 'c'] }));
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(attemptsOf(await stage.open())).toEqual(['a failed', 'c open']);
    stage.channels.a.next('create', refuses('CHANNEL_UNAVAILABLE'));
    stage.channels.c.next('create', refuses('CHANNEL_UNAVAILABLE'));
    const refused = await stage.create();
    expect(refused).toMatchObject({ ok: false, error: { code: 'no_channel_available' } });
    expect(refused.ok || refused.error.detail).toContain('b: rule require');
    expect(stage.channels.b.count('create')).toBe(0);
  });

  test('prefers without giving up failover', async () => {
    await open(aRule({ kind: 'prefer', channelIds: ['c'] }));
    stage.channels.c.next('create', refuses('CHANNEL_UNAVAILABLE'));
    expect(attemptsOf(await stage.open())).toEqual(['c failed', 'a open']);
  });

  test('refuses a pin to a channel that it keeps out, and says which rule it was', async () => {
    await open(aRule({ kind: 'exclude', channelIds: ['a'] }, 'true', 'frozen'));
    expect(await stage.create({ pinnedChannelId: 'a' })).toMatchObject({
      ok: false,
      error: { code: 'channel_rejected', detail: 'Channel a cannot take this payment: rule frozen.' },
    });
  });

  test('counts for a quote, which may say what rules look at', async () => {
    await open(aRule({ kind: 'exclude', channelIds: ['a'] }, "metadata.tier == 'gold'", 'gold'));
    const request = { amount: { minor: 1_000, currency: 'CNY' }, methods: ['alipay'], scene: 'qr' } as const;
    const quote = (metadata: Record<string, string>) =>
      stage.drive(stage.gateway.quote(stage.merchant, { ...request, pinnedChannelId: null, metadata }));
    expect(await quote({ tier: 'silver' })).toMatchObject({ channelId: 'a' });
    expect(await quote({ tier: 'gold' })).toMatchObject({ channelId: 'b', candidates: [{}, {}, { rule: 'gold' }] });
  });
});

describe('a split', () => {
  test('divides the payments, keeps each draw, and the notices of both channels count', async () => {
    const shares = [
      { channelId: 'a', sharePpm: 950_000 },
      { channelId: 'c', sharePpm: 50_000 },
    ];
    await open(aRule({ kind: 'split', shares }, 'true', 'canary'));
    const payments: Payment[] = [];
    for (let i = 0; i < 200; i += 1) payments.push(await stage.open());
    const of = (id: string) => payments.filter((payment) => attemptOf(payment, 1).channelId === id);
    expect(of('a').length + of('c').length).toBe(200);
    // Five standard deviations of a binomial with 200 draws at 5%.
    expect(Math.abs(of('c').length - 10)).toBeLessThan(5 * Math.sqrt(200 * 0.05 * 0.95));
    for (const payment of payments) {
      const { channelId, decision } = attemptOf(payment, 1);
      expect(decision).toMatchObject({ reason: 'split', rules: [{ name: 'canary', effect: 'split' }] });
      expect((decision.draw ?? -1) < 0.95).toBe(channelId === 'a');
      expect(decision.explanation).toBe(channelId === 'a' ? 'canary sends 95% to a' : 'canary sends 5% to c');
    }
    for (const [id, payment] of [
      ['a', of('a')[0]],
      ['c', of('c')[0]],
    ] as const) {
      if (!payment) throw new Error(`nothing went to ${id}`);
      const attempt = attemptOf(payment, 1);
      stage.channels[id].pays(attempt.providerRef);
      expect(await stage.callback(attempt, stage.channels[id])).toBe('SUCCESS');
      expect(await stage.read(payment.id)).toMatchObject({ status: 'succeeded' });
    }
  });
});
