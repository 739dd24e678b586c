import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import { afterFact, aPayment, attemptStarted, lastAttempt, NEW_YEAR, observed, paid } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const DAY_MS = 86_400_000;
const QUARTER_MS = 15 * 60_000;

export function describeChannels({ store, reopen }: StoreUnderTest): void {
  describe('what is counted of channels', () => {
    const volume = (set: Partial<Parameters<ReturnType<typeof store>['channelVolume']>[0]> = {}) =>
      store().channelVolume({
        ...{ channelId: 'alipay-main', currency: 'CNY', from: NEW_YEAR, until: NEW_YEAR + DAY_MS },
        ...set,
      });
    const live = async (channelId = 'alipay-main') => (await store().liveOrders()).get(channelId) ?? 0;

    async function started(set: Parameters<typeof aPayment>[0] = {}): Promise<Payment> {
      const payment = aPayment(set);
      await store().insert(payment);
      const next = afterFact(payment, attemptStarted(payment));
      await store().update(next, { before: payment });
      return next;
    }

    async function closed(payment: Payment, before?: Payment): Promise<Payment> {
      const next = afterFact(payment, observed(lastAttempt(payment), { state: 'closed' }));
      await store().update(next, before ? { before } : {});
      return next;
    }

    test('is nothing at first', async () => {
      expect(await volume()).toEqual({ takenMinor: 0, paidMinor: 0 });
      expect(await live()).toBe(0);
    });

    test('an order takes its amount from the moment that it is given to a channel, and gives it back when it ends unpaid', async () => {
      const payment = await started();
      expect(await volume()).toEqual({ takenMinor: 1_000, paidMinor: 0 });
      expect(await live()).toBe(1);
      await closed(payment, payment);
      expect(await volume()).toEqual({ takenMinor: 0, paidMinor: 0 });
      expect(await live()).toBe(0);
    });

    test('a paid order keeps it, and is paid volume from then on', async () => {
      const payment = aPayment();
      await store().insert(payment);
      let before = payment;
      for (const next of paid(payment, 'T1', 'alipay-main', NEW_YEAR + 5)) {
        await store().update(next, { before });
        before = next;
      }
      expect(await volume()).toEqual({ takenMinor: 1_000, paidMinor: 1_000 });
      expect(await live()).toBe(0);
    });

    test('orders that come at once all count', async () => {
      await Promise.all(Array.from({ length: 30 }, () => started()));
      expect(await volume()).toEqual({ takenMinor: 30_000, paidMinor: 0 });
    });

    test('each order counts in its own currency, channel and time', async () => {
      await started();
      await started({ amount: { minor: 700, currency: 'USD' } });
      expect(await volume({ currency: 'USD' })).toMatchObject({ takenMinor: 700 });
      expect(await volume()).toMatchObject({ takenMinor: 1_000 });
      expect(await volume({ channelId: 'alipay-backup' })).toMatchObject({ takenMinor: 0 });
      expect(await volume({ until: NEW_YEAR })).toMatchObject({ takenMinor: 0 });
      expect(await volume({ from: NEW_YEAR + QUARTER_MS })).toMatchObject({ takenMinor: 0 });
      expect(await volume({ from: NEW_YEAR - QUARTER_MS, until: NEW_YEAR + QUARTER_MS })).toMatchObject({
        takenMinor: 1_000,
      });
      expect(await live()).toBe(2);
    });

    test('stays right when the writer does not say what the document was, or has lost the race', async () => {
      const payment = await started();
      await closed(payment);
      expect(await volume()).toMatchObject({ takenMinor: 0 });
      const late = afterFact(payment, observed(lastAttempt(payment), { state: 'failed' }));
      expect(await store().update(late, { before: payment })).toEqual({ outcome: 'stale' });
      expect(await volume()).toEqual({ takenMinor: 0, paidMinor: 0 });
      expect(await live()).toBe(0);
    });

    test('survives a restart', async () => {
      const payment = await started();
      await reopen();
      expect(await volume()).toMatchObject({ takenMinor: 1_000 });
      expect(await live()).toBe(1);
      await closed(payment, payment);
      expect(await live()).toBe(0);
    });
  });
}
