import { afterEach, expect, test } from 'vitest';
import type { Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { owe } from './owed-events.ts';
import { held } from './scripted-channel.ts';
import { attemptOf, openStage, SECOND, type Stage } from './stage.ts';

/* Two processes on one store, each with an agenda and lanes of its own. */

let stage: Stage<'a'>;
afterEach(() => stage.stop());

const SHOP = 'https://shop.example/notify';

/** One delivery at a time per process, and a shop that answers none before it is let go. */
async function open() {
  const polls = new Map<string, number>();
  stage = await openStage({
    ...{ channels: { a: { timeoutMs: 60_000 } }, running: true, webhooks: { concurrencyPerEndpoint: 1 } },
    wrapStore: (store: PaymentStore) => ({
      ...store,
      claimDue: (claim) => {
        polls.set(claim.owner, (polls.get(claim.owner) ?? 0) + 1);
        return store.claimDue(claim);
      },
    }),
  });
  const hanging: { readonly body: string; go(): void }[] = [];
  stage.shop.answer = ({ body }, signal) =>
    new Promise((resolve) => {
      hanging.push({ body, go: () => resolve({ outcome: 'answered', status: 200, body: '' }) });
      signal.addEventListener('abort', () => resolve({ outcome: 'failed', reason: 'AbortError' }));
    });
  /** Until this process has asked the store for work some more times. */
  const polled = async (process: Stage<'a'>, owner: string) => {
    const from = polls.get(owner) ?? 0;
    await process.until(() => (polls.get(owner) ?? 0) >= from + 4);
  };
  return { hanging, polled };
}

const sentOf = ({ events }: Payment) => stage.shop.requests.filter(({ body }) => body === events[0]?.body).length;
const deliveryOf = async ({ id }: Payment) => (await stage.read(id)).events[0]?.delivery;

/** Two events for one place: the second waits in memory and is then on its way, past the time that its document has for it. */
async function secondOnItsWay({ hanging }: Awaited<ReturnType<typeof open>>) {
  const at = stage.clock.now();
  const payments = [await owe(stage.store, { notifyUrl: SHOP, at }), await owe(stage.store, { notifyUrl: SHOP, at })];
  await stage.until(async () => hanging.length === 1 && (await stage.store.dueBacklog(at)).count === 1);
  const second = payments.find((payment) => sentOf(payment) === 0);
  if (!second) throw new Error('both are on their way');
  const waiting = await deliveryOf(second);
  if (waiting?.state !== 'pending') throw new Error('it does not wait');
  hanging[0]?.go();
  await stage.until(() => sentOf(second) === 1);
  return { second, dueAt: waiting.nextAt };
}

test('an event that one process sends from memory is not sent by another when its time has come', async () => {
  const shop = await open();
  const { second, dueAt } = await secondOnItsWay(shop);
  const other = await stage.replica();
  stage.clock.advance(dueAt + SECOND - stage.clock.now());
  await shop.polled(other, 'process-2');
  expect(sentOf(second)).toBe(1);
  shop.hanging[1]?.go();
  await stage.until(async () => (await deliveryOf(second))?.state === 'delivered');
  expect(sentOf(second)).toBe(1);
});

test('an event of a process that has died is taken over when its lease has run out', async () => {
  const shop = await open();
  const { second, dueAt } = await secondOnItsWay(shop);
  const other = await stage.crash();
  stage.clock.advance(dueAt + SECOND - stage.clock.now());
  await shop.polled(other, 'process-2');
  expect(sentOf(second)).toBe(1);
  stage.clock.advance(60 * SECOND);
  await other.until(() => sentOf(second) === 2);
  shop.hanging.at(-1)?.go();
  await other.until(async () => (await deliveryOf(second))?.state === 'delivered');
});

test('a refund that one process sends is not sent by another meanwhile', async () => {
  const shop = await open();
  const { a } = stage.channels;
  const payment = await stage.open({ notifyUrl: null });
  const attempt = attemptOf(payment, 1);
  a.pays(attempt.providerRef);
  await stage.callback(attempt, a);
  const call = held();
  a.next('refund', call.reply);
  const order = { merchantRefundNo: 'R1', requestHash: 'hash', amountMinor: null, reason: null };
  const made = stage.gateway.refundPayment(stage.merchant, payment.id, order, null);
  await stage.until(() => a.count('refund') === 1);
  const other = await stage.replica();
  stage.clock.advance(15 * SECOND);
  await shop.polled(other, 'process-2');
  expect((await stage.store.dueBacklog(stage.clock.now())).count).toBe(1);
  expect(a.count('refund')).toBe(1);
  call.release();
  expect(await stage.drive(made)).toMatchObject({ ok: true, value: { refund: { status: 'succeeded' } } });
  expect(a.count('refund')).toBe(1);
});
