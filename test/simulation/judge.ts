import { hasEnded, isHeld, type Payment, refundableMinor, type SucceededAttempt } from '../../src/payment/index.ts';
import type { ProviderOrder } from './books.ts';
import { DOWN_FOR_DAYS } from './endpoints.ts';
import type { Provider } from './provider.ts';
import type { Witness } from './witness.ts';
import type { World } from './world.ts';

/** What is judged. */
export interface Evidence {
  readonly payments: readonly Payment[];
  readonly providers: readonly Provider[];
  readonly witness: Witness;
  /** Which payment answers for an order number, as the shops were told. */
  readonly paymentIds: ReadonlyMap<string, string>;
  readonly callsByPayment: ReadonlyMap<string, number>;
}

/** No payment makes us ask its providers more often than this. */
const CALLS_MAX = 400;
/** Nor is it written more often. */
const VERSIONS_MAX = 600;

/** What must hold once everything works again and time has passed: our books are the providers' books. */
export function judge(world: World, evidence: Evidence): void {
  const { record } = world;
  const { payments, providers, paymentIds } = evidence;
  const byId = new Map(payments.map((payment) => [payment.id, payment]));
  for (const [orderNo, id] of paymentIds) {
    record.must(byId.has(id), orderNo, `I1 the shop was told of ${id}, which is not stored`);
  }
  for (const provider of providers) {
    for (const order of provider.orders.values()) judgeOrder(world, provider, order, byId.get(order.paymentId));
  }
  const tradeNos = payments.flatMap((p) =>
    p.attempts.filter(isSucceeded).map((a) => `${a.channelId} ${a.channelTradeNo}`),
  );
  record.must(new Set(tradeNos).size === tradeNos.length, 'world', 'I12 a trade number stands for two successes');
  for (const payment of payments) {
    judgeEnd(world, payment);
    judgeMoney(world, payment, providers);
    judgeEvents(world, payment, evidence.witness);
    const calls = evidence.callsByPayment.get(payment.id) ?? 0;
    record.must(calls <= CALLS_MAX, payment.id, `its providers were asked ${calls} times`);
    record.must(payment.version <= VERSIONS_MAX, payment.id, `it was written ${payment.version} times`);
  }
}

/** Money at a provider is in our books exactly once, with its amount. */
function judgeOrder(world: World, { kind }: Provider, order: ProviderOrder, payment: Payment | undefined): void {
  const { record } = world;
  const attempt = payment?.attempts.find((a) => a.providerRef === order.ref);
  if (order.state !== 'paid') {
    record.must(attempt?.status !== 'succeeded', order.paymentId, `money that ${kind.id} never had is in our books`);
    return;
  }
  if (!payment || attempt?.status !== 'succeeded') {
    record.violated(order.paymentId, `money was lost: ${order.ref} is paid at ${kind.id}, and here ${attempt?.status}`);
    return;
  }
  record.must(
    attempt.paidMinor === order.paidMinor,
    payment.id,
    `${attempt.paidMinor} in our books, ${order.paidMinor} at ${kind.id}`,
  );
  record.must(attempt.channelTradeNo === order.tradeNo, payment.id, 'another trade number than at the provider');
  record.count(`money: ${attempt.effect}, ${attempt.disposition}`);
  record.must(isAsConfigured(payment, attempt), payment.id, `${attempt.effect} money: ${attempt.disposition}`);
  for (const taken of order.refunds.values()) {
    const refund = payment.refunds.find(({ refundRef }) => refundRef === taken.refundRef);
    const isSame = refund?.amountMinor === taken.amountMinor && refund.status === taken.state;
    record.must(
      isSame,
      payment.id,
      `refund ${taken.refundRef} is ${taken.state} at ${kind.id}, here ${refund?.status}`,
    );
  }
}

const POLICY_BY_EFFECT = { surplus: 'surplus', late: 'lateSuccess', mismatch: 'amountMismatch' } as const;

/** What becomes of money follows from the policies of its payment; only what is held waits for a person, who may decide either way. */
function isAsConfigured({ policies }: Payment, { effect, disposition }: SucceededAttempt): boolean {
  if (effect === 'effective') return disposition === 'keep';
  const policy = policies[POLICY_BY_EFFECT[effect]];
  return policy === 'hold' || disposition === (policy === 'accept' ? 'keep' : 'refund');
}

/** Nothing is left undone, but for what a person has to decide. */
function judgeEnd(world: World, payment: Payment): void {
  const { record } = world;
  record.count(`end: ${payment.status}`);
  const isWaiting = payment.attempts.some(isHeld);
  const isFinal = hasEnded(payment) || (payment.status === 'review' && isWaiting);
  record.must(isFinal, payment.id, `I8 it is still ${payment.status} (${payment.statusReason})`);
  const left = payment.agenda.filter(({ kind }) => kind !== 'remind');
  record.must(left.length === 0, payment.id, `I8 still to do: ${left.map(({ kind }) => kind).join(', ')}`);
  for (const refund of payment.refunds) {
    record.must(refund.status !== 'pending', payment.id, `refund ${refund.id} is undecided`);
  }
  if (payment.attempts.length > 1) record.count('payments with failover');
  if (payment.events.some(({ delivery }) => delivery.state === 'dead')) record.count('payments with a dead event');
}

/** What stays at the providers is what our document says, and what is owed has gone back. */
function judgeMoney(world: World, payment: Payment, providers: readonly Provider[]): void {
  const { record } = world;
  let theirs = 0;
  for (const { orders } of providers) {
    for (const { providerRef } of payment.attempts) {
      const order = orders.get(providerRef);
      if (!order) continue;
      const returned = [...order.refunds.values()].filter(({ state }) => state !== 'failed');
      const returnedMinor = returned.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
      record.must(returnedMinor <= order.paidMinor, payment.id, `I6 ${returnedMinor} of ${order.paidMinor} went back`);
      theirs += order.paidMinor - returnedMinor;
    }
  }
  let ours = 0;
  for (const attempt of payment.attempts.filter(isSucceeded)) {
    const left = refundableMinor(payment, attempt);
    ours += left;
    if (attempt.disposition === 'refund')
      record.must(left === 0, payment.id, `${left} of attempt ${attempt.seq} is still owed`);
    const own = payment.refunds.filter((r) => r.attemptSeq === attempt.seq && r.cause !== 'merchant');
    if (attempt.disposition === 'hold') record.must(own.length === 0, payment.id, 'held money went back');
    if (attempt.disposition === 'refund' && own.length > 1) record.count('refunds made anew');
  }
  record.must(ours === theirs, payment.id, `our books say ${ours}, the providers' say ${theirs}`);
  const numbers = payment.refunds.flatMap(({ merchantRefundNo }) => merchantRefundNo ?? []);
  record.must(new Set(numbers).size === numbers.length, payment.id, 'one refund number stands for two refunds');
}

/** Every event has reached its shop, in order, or was given up by a shop that refused it for days. */
function judgeEvents(world: World, payment: Payment, witness: Witness): void {
  const { record } = world;
  const heard = witness.order.get(payment.id) ?? [];
  for (const { id, delivery } of payment.events) {
    if (delivery.state === 'delivered')
      record.must(heard.includes(id), payment.id, `I4 ${id} counts as delivered, and nobody got it`);
    if (delivery.state === 'dead')
      record.must(payment.notifyUrl === DOWN_FOR_DAYS, payment.id, `I4 ${id} was given up`);
    record.must(delivery.state !== 'pending', payment.id, `I4 ${id} was never delivered`);
  }
  const known = payment.events.map(({ id }) => id).filter((id) => heard.includes(id));
  record.must(known.join() === heard.join(), payment.id, `I4 the shop heard ${heard.join(', ')}`);
  const effective = payment.attempts.some((a) => isSucceeded(a) && a.effect === 'effective');
  const successes = payment.events.filter(({ type }) => type === 'payment.succeeded').length;
  record.must(successes === (effective ? 1 : 0), payment.id, `I2 ${successes} events of success`);
}

function isSucceeded(attempt: Payment['attempts'][number]): attempt is SucceededAttempt {
  return attempt.status === 'succeeded';
}
