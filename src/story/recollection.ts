import type { Attempt, Payment, PaymentEvent, Refund } from '../payment/index.ts';
import type { Moment } from './timeline.ts';

/** What the payment's own document still knows of its story, for where there is no evidence of it. */
export function recollect(payment: Payment): readonly Moment[] {
  const { closeRequested, paidAt } = payment;
  return [
    beginning(payment),
    ...payment.attempts.flatMap(ofAttempt),
    ...(closeRequested ? [moment(closeRequested.at, `close requested by ${closeRequested.by}`)] : []),
    ...(paidAt === null ? [] : [moment(paidAt, 'paid, as the channel says')]),
    ...payment.refunds.flatMap(ofRefund),
    ...payment.events.flatMap(ofEvent),
    ...(payment.fulfilment === 'delivered' ? [moment(payment.updatedAt, 'goods delivered, at the latest')] : []),
  ].toSorted((a, b) => a.at - b.at);
}

/** Where every story begins. */
export function beginning(payment: Payment): Moment {
  return moment(payment.createdAt, 'payment created');
}

function ofAttempt(attempt: Attempt): readonly Moment[] {
  const { seq, channelId, openedAt, latencyMs, error } = attempt;
  const answered = latencyMs === null ? '' : `, answered after ${latencyMs} ms`;
  const why = error ? `  ${error.kind}` : '';
  return [
    moment(openedAt, `${channelId}  attempt ${seq} begun${answered}`),
    ...('resolvedAt' in attempt
      ? [moment(attempt.resolvedAt, `${channelId}  attempt ${seq} ${attempt.status}${why}`)]
      : []),
    ...('returned' in attempt && attempt.returned !== undefined
      ? [moment(attempt.returned.at, `${channelId}  attempt ${seq}: money sent back by other means`)]
      : []),
  ];
}

function ofEvent({ at, type, delivery }: PaymentEvent): readonly Moment[] {
  const isOver = delivery.state === 'delivered' || delivery.state === 'dead';
  return [
    moment(at, `event ${type}`),
    ...(isOver ? [moment(delivery.at, `webhook ${type} -> ${delivery.state}, try ${delivery.tries}`)] : []),
  ];
}

function ofRefund({ id, createdAt, resolvedAt, status, cause }: Refund): readonly Moment[] {
  return [
    moment(createdAt, `refund ${id} made (${cause})`),
    ...(resolvedAt === null ? [] : [moment(resolvedAt, `refund ${id} ${status}`)]),
  ];
}

function moment(at: number, words: string): Moment {
  return { at, words, messages: { state: 'none' } };
}
