import { assertPayment, isUnresolved, needsChannel, type Payment } from '../../payment/index.ts';
import { gaugeShareOf } from '../gauges.ts';
import { parseDocument } from '../stored-document.ts';
import type { PaymentRow } from './rows.ts';

/** The fields of a row that follow from its document. */
export type Derived = Omit<PaymentRow, '_id' | 'sample' | 'seqs' | 'leaseOwner' | 'leaseUntil' | 'claim' | 'void'>;

/** Those that a row does not always have. */
const OPTIONAL = [
  'nextDueAt',
  'unknownSince',
  'undeliveredSince',
  'webhookSince',
  'webhooks',
  'deadEvents',
  'refundsPending',
  'held',
  'live',
  'needs',
] as const satisfies readonly (keyof Derived)[];

/** Checks the document once more before it is written and works out its row; throws on a document that must not exist. */
export function derivedOf(payment: Payment): Derived {
  assertPayment(payment);
  const { version, merchantId, merchantOrderNo, status, createdAt, updatedAt, nextDueAt } = payment;
  const share = gaugeShareOf(payment);
  const live = liveChannels(payment);
  const needs = [...new Set(payment.attempts.map(({ channelId }) => channelId))].filter((id) =>
    needsChannel(payment, id),
  );
  return {
    ...{ version, merchantId, merchantOrderNo, status, createdAt, updatedAt },
    document: JSON.stringify(payment),
    ...(nextDueAt === null ? {} : { nextDueAt }),
    ...(share.unknown ? { unknownSince: createdAt } : {}),
    ...(share.undelivered ? { undeliveredSince: createdAt } : {}),
    ...(share.oldestWebhookAt === null ? {} : { webhookSince: share.oldestWebhookAt, webhooks: share.webhooks }),
    ...(share.deadEvents > 0 ? { deadEvents: share.deadEvents } : {}),
    ...(share.refundsPending > 0 ? { refundsPending: share.refundsPending } : {}),
    ...(share.held ? { held: share.held } : {}),
    ...(live.length > 0 ? { live } : {}),
    ...(needs.length > 0 ? { needs } : {}),
  };
}

/** The change that makes any earlier row of the payment into this one; what it does not know it leaves as it is. */
export function replacement(derived: Derived) {
  const absent = OPTIONAL.filter((field) => derived[field] === undefined);
  return { $set: derived, $unset: Object.fromEntries(absent.map((field) => [field, ''])) };
}

/** A stored row as its payment; throws when it cannot be trusted. Null for the place of a payment that never came. */
export function paymentOf(row: Pick<PaymentRow, '_id' | 'version' | 'document' | 'void'> | null): Payment | null {
  return row === null || row.void ? null : parseDocument(row.document, { id: row._id, version: row.version });
}

/** An order and each of its pending refunds count one each. */
function liveChannels({ attempts, refunds }: Payment): readonly string[] {
  const pending = refunds.filter(({ status }) => status === 'pending').map((r) => attempts[r.attemptSeq - 1]);
  return [...attempts.filter(isUnresolved), ...pending].flatMap((attempt) => attempt?.channelId ?? []);
}
