import { type Attempt, type Payment, toDecimalString } from './payment/index.ts';

/** One payment for a person to read: what was asked, what was tried, what came of it, what is still to be done. */
export function describePayment(payment: Payment): string {
  const { amount, status, statusReason } = payment;
  return [
    `${payment.id}  ${toDecimalString(amount)} ${amount.currency}  ${status}${statusReason ? ` (${statusReason})` : ''}`,
    `  merchant    ${payment.merchantId}  order ${payment.merchantOrderNo}  "${payment.subject}"`,
    `  created     ${time(payment.createdAt)}  expires ${time(payment.expiresAt)}  version ${payment.version}`,
    ...(payment.paidAt === null ? [] : [`  paid        ${time(payment.paidAt)}  fulfilment ${payment.fulfilment}`]),
    ...(payment.closeRequested
      ? [`  closing     ${time(payment.closeRequested.at)} by ${payment.closeRequested.by}`]
      : []),
    ...payment.attempts.flatMap(describeAttempt),
    ...payment.events.map((e) => `  event       ${time(e.at)}  ${e.type}  ${e.id}  ${e.delivery.state}`),
    ...payment.agenda
      .toSorted((a, b) => a.at - b.at)
      .map((item) => `  to do       ${time(item.at)}  ${item.kind}${'seq' in item ? ` attempt ${item.seq}` : ''}`),
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
  ];
}

function time(atMs: number): string {
  return new Date(atMs).toISOString();
}
