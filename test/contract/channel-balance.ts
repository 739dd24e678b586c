import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Balance, ChannelError } from '../../src/channel/index.ts';
import type { Result } from '../../src/payment/index.ts';
import { type ChannelStage, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt, withCredential } from './channel-subject.ts';

/** What our account holds: as the provider's books have it, or not at all. */
export function describeBalance(subject: ChannelSubject): void {
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const { currency } = subject.creates[0]?.amount ?? { currency: 'CNY' };
  const ask = async (adapter = stage.adapter): Promise<Result<readonly Balance[], ChannelError>> => {
    const answer = await adapter.balance?.(patience());
    if (answer === undefined) throw new Error('the adapter has no balance');
    return answer;
  };
  const held = async (): Promise<number | undefined> => {
    const answer = await ask();
    if (!answer.ok) throw new Error(`no balance: ${JSON.stringify(answer.error)}`);
    return answer.value.find((one) => one.currency === currency)?.availableMinor;
  };

  if (!subject.provider.capabilities.includes('balance')) {
    test('is not offered', () => expect(stage.adapter.balance).toBeUndefined());
    return;
  }

  describe('of an account that may ask', () => {
    beforeAll(() => void stage.host.control.balance('one', { granted: true }));

    test('is what was paid less what went back', async () => {
      const [wish] = subject.creates;
      if (!wish) throw new Error('a subject has a create');
      const before = (await held()) ?? 0;
      const placed = await stage.place(wish);
      await stage.open(placed);
      const paid = await stage.pay(placed);
      expect(await held()).toBe(before + wish.amount.minor);
      const refund = {
        order: { ...placed.order, channelTradeNo: placed.order.channelTradeNo ?? paid.tradeNo },
        ...{ refundRef: '0'.repeat(32), amount: wish.amount, channelRefundNo: null, reason: null },
        callbackUrl: placed.request.callbackUrl,
      };
      await stage.adapter.refund(refund, patience());
      expect(await held()).toBe(before);
    });

    test.each([0, 1, 100, 123_456_700])('is %i minor units when the provider says so', async (amountMinor) => {
      stage.host.control.balance('one', { currency, amountMinor });
      expect(await held()).toBe(amountMinor);
      stage.host.control.balance('one', { currency, amountMinor: null });
    });

    test('is of our account alone', async () => {
      stage.host.control.balance('two', { currency, amountMinor: 77_700 });
      expect(await held()).not.toBe(77_700);
    });

    test.each(['reset_before', 'html_502', 'truncated'] as const)(
      'is not known when the answer is %s',
      async (answer) => {
        stage.host.control.faults('one', { answer });
        expect((await ask()).ok).toBe(false);
      },
    );

    test.skipIf(subject.answers === 'unsigned')('is not believed when another one signed it', async () => {
      stage.host.control.faults('one', { answer: 'wrong_key' });
      expect(await ask()).toMatchObject({ ok: false, error: { reason: 'forged_response' } });
    });

    test('is not told to a stranger, and that is a fault of ours', async () => {
      const another = credentialAt(stage.host.credentials('two'), subject.requestSecret);
      const other = withCredential(stage.host.credentials('one'), subject.requestSecret, another);
      expect(await ask(stage.openAdapter(other))).toMatchObject({ ok: false, error: { kind: 'AUTH_MISCONFIGURED' } });
    });
  });

  test('of an account that may not ask is empty, and no fault', async () => {
    stage.host.control.balance('one', { granted: false });
    expect(await ask()).toEqual({ ok: true, value: [] });
  });

  test('ends by its signal', async () => {
    stage.host.control.faults('one', { latency_ms: 60_000 });
    const answer = await stage.adapter.balance?.(AbortSignal.timeout(50));
    expect(answer).toMatchObject({ ok: false });
  });
}
