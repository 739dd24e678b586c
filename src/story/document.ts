import { type Attempt, type Payment, type Refund, toDecimalString } from '../payment/index.ts';

/** One payment for a person to read: what was asked, what was tried, what came of it, what is still to be done. */
export function describePayment(payment: Payment): string {
  const { amount, status, statusReason } = payment;
  return [
    `${payment.id}  ${toDecimalString(amount)} ${amount.currency}  ${status}${statusReason ? ` (${statusReason})` : ''}`,
    `  merchant    ${payment.merchantId}  order ${payment.merchantOrderNo}  "${payment.subject}"`,
    `  created     ${time(payment.createdAt)}  expires ${time(payment.expiresAt)}  version ${payment.version}`,
    ...(payment.traceparent === undefined ? [] : [`  trace       ${payment.traceparent.split('-')[1]}`]),
    ...(payment.paidAt === null ? [] : [`  paid        ${time(payment.paidAt)}  fulfilment ${payment.fulfilment}`]),
    ...(payment.closeRequested
      ? [`  closing     ${time(payment.closeRequested.at)} by ${payment.closeRequested.by}`]
      : []),
    ...payment.attempts.flatMap(describeAttempt),
    ...payment.refunds.flatMap((refund) => describeRefund(refund, payment)),
    ...payment.events.map((e) => `  event       ${time(e.at)}  ${e.type}  ${e.id}  ${e.delivery.state}`),
    ...payment.agenda.toSorted((a, b) => a.at - b.at).map((item) => `  to do       ${time(item.at)}  ${duty(item)}`),
  ].join('\n');
}

function describeAttempt(attempt: Attempt): string[] {
  const { seq, channelId, method, status, providerRef, channelTradeNo, error } = attempt;
  const outcome =
    attempt.status === 'succeeded' ? `${status} (${attempt.effect}, known by ${attempt.knownBy})` : status;
  return [
    `  attempt ${seq}   ${time(attempt.openedAt)}  ${channelId}  ${method}  ${outcome}`,
    `              our number ${providerRef}${channelTradeNo ? `, theirs ${channelTradeNo}` : ''}`,
    `              ${attempt.decision.explanation}`,
    ...(error ? [`              ${error.kind}${error.providerCode ? ` (${error.providerCode})` : ''}`] : []),
    ...('resolvedAt' in attempt ? [`              resolved ${time(attempt.resolvedAt)}`] : []),
    ...describeReturn(attempt),
  ];
}

function describeReturn(attempt: Attempt): string[] {
  if (attempt.status !== 'succeeded' || attempt.returned === undefined) return [];
  return [`              sent back by other means ${time(attempt.returned.at)}, "${attempt.returned.reference}"`];
}

function describeRefund(refund: Refund, payment: Payment): string[] {
  const { seq, id, status, cause, merchantRefundNo, refundRef, channelRefundNo, error, reason } = refund;
  const sum = toDecimalString({ minor: refund.amountMinor, currency: payment.amount.currency });
  const asked = cause === 'merchant' ? `asked for by the merchant as ${merchantRefundNo}` : `made by itself: ${cause}`;
  return [
    `  refund ${seq}    ${time(refund.createdAt)}  ${sum} ${payment.amount.currency}  attempt ${refund.attemptSeq}  ${status}`,
    `              ${id}  ${asked}${reason === null ? '' : `  "${reason}"`}`,
    `              our number ${refundRef}${channelRefundNo ? `, theirs ${channelRefundNo}` : ''}`,
    ...(error ? [`              ${error.kind}${error.providerCode ? ` (${error.providerCode})` : ''}`] : []),
    ...(refund.resolvedAt === null ? [] : [`              resolved ${time(refund.resolvedAt)}`]),
  ];
}

function duty(item: Payment['agenda'][number]): string {
  if (item.kind === 'refund') return `refund ${item.seq}`;
  return 'seq' in item ? `${item.kind.replaceAll('_', ' ')} attempt ${item.seq}` : item.kind;
}

function time(atMs: number): string {
  return new Date(atMs).toISOString();
}
