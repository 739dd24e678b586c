import { describe, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import { afterFact, aPayment, givenUp, MERCHANT, NEW_YEAR, paid } from './payments.ts';
import type { StoreUnderTest } from './store-harness.ts';

const OTHER = 'm_other';

export function describeDeadEvents({ store, reopen }: StoreUnderTest): void {
  const write = async (...versions: readonly Payment[]): Promise<void> => {
    for (const next of versions) expect((await store().update(next)).outcome).toBe('updated');
  };
  /** A payment whose only event has been given up. */
  const dead = async (merchantId = MERCHANT, at = NEW_YEAR): Promise<Payment> => {
    const payment = aPayment({ merchantId }, at);
    await store().insert(payment);
    const [started, done] = paid(payment, `T${payment.id}`, 'alipay-main', at);
    const given = givenUp(done);
    await write(started, done, given);
    return given;
  };
  const eventOf = (payment: Payment) => {
    const [event] = payment.events;
    if (!event) throw new Error(`${payment.id} has no event`);
    return event;
  };
  const again = (payment: Payment): Payment =>
    afterFact(payment, { type: 'redelivery_requested', eventId: eventOf(payment).id }, payment.updatedAt);
  const list = (set: { merchantId?: string | null; after?: string; limit?: number } = {}) =>
    store().listDeadEvents({ merchantId: MERCHANT, limit: 100, ...set });
  const ids = async (set: Parameters<typeof list>[0] = {}) => (await list(set)).map((listed) => listed.event.id);

  describe('listDeadEvents', () => {
    test('answers what was given up and nothing else, oldest first', async () => {
      const payments = [await dead(), await dead(), await dead()];
      const delivered = aPayment();
      await store().insert(delivered);
      await write(...paid(delivered, 'T1'));
      const expected = payments.map((p) => ({ paymentId: p.id, merchantId: MERCHANT, event: eventOf(p) }));
      expect(await list()).toEqual(expected);
    });

    test('keeps the order of the events, whichever of them was given up first', async () => {
      const [first, second] = [aPayment(), aPayment()];
      for (const payment of [first, second]) await store().insert(payment);
      const [firstStarted, firstDone] = paid(first, 'T1');
      const [secondStarted, secondDone] = paid(second, 'T2');
      await write(firstStarted, firstDone, secondStarted, secondDone, givenUp(secondDone), givenUp(firstDone));
      expect(await ids()).toEqual([eventOf(firstDone).id, eventOf(secondDone).id]);
    });

    test('shows a merchant its own, and an operator those of all', async () => {
      const mine = await dead();
      const foreign = await dead(OTHER);
      expect(await ids()).toEqual([eventOf(mine).id]);
      expect((await list({ merchantId: null })).map((listed) => [listed.merchantId, listed.event.id])).toEqual([
        [MERCHANT, eventOf(mine).id],
        [OTHER, eventOf(foreign).id],
      ]);
    });

    test('goes on after the event that is named, also when that is to be sent again by now', async () => {
      const payments: Payment[] = [];
      for (let i = 0; i < 5; i += 1) payments.push(await dead(i === 2 ? OTHER : MERCHANT));
      const all = payments.map((payment) => eventOf(payment).id);
      for (const merchantId of [MERCHANT, null]) {
        const mine = await ids({ merchantId });
        const first = await ids({ merchantId, limit: 2 });
        const rest = await ids({ merchantId, after: first.at(-1) ?? '' });
        expect([...first, ...rest]).toEqual(mine);
      }
      expect(await ids({ merchantId: null })).toEqual(all);
      const [, revived] = payments;
      if (!revived) throw new Error('there are five payments');
      await write(again(revived));
      expect(await ids({ merchantId: null, after: eventOf(revived).id })).toEqual(all.slice(2));
    });

    test('starts from the beginning after an unknown event, and after one of another merchant', async () => {
      const mine = await dead();
      const foreign = await dead(OTHER);
      expect(await ids({ after: 'evt_unknown' })).toEqual([eventOf(mine).id]);
      expect(await ids({ after: eventOf(foreign).id })).toEqual([eventOf(mine).id]);
    });

    test('leaves an event out as soon as it is to be sent again, and takes it back when that was in vain too', async () => {
      const payment = await dead();
      const revived = again(payment);
      await write(revived);
      expect(await ids()).toEqual([]);
      await write(givenUp(revived));
      expect(await ids()).toEqual([eventOf(payment).id]);
    });

    test('is not changed by a write that came too late', async () => {
      const payment = await dead();
      expect((await store().update({ ...again(payment), version: payment.version })).outcome).toBe('stale');
      expect(await ids()).toHaveLength(1);
    });

    test('is the same after the store was closed and opened again', async () => {
      await dead();
      await dead(OTHER);
      const before = await list({ merchantId: null });
      await reopen();
      expect(await list({ merchantId: null })).toEqual(before);
    });
  });

  test('counts follow events that are given up, sent again and given up once more', async () => {
    const payment = await dead();
    await dead(OTHER);
    expect(await store().counts()).toMatchObject({ deadEvents: 2, webhookBacklog: 0 });
    const revived = again(payment);
    await write(revived);
    expect(await store().counts()).toMatchObject({ deadEvents: 1, webhookBacklog: 1 });
    await write(givenUp(revived));
    expect(await store().counts()).toMatchObject({ deadEvents: 2, webhookBacklog: 0 });
  });
}
