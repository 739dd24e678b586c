import { assertPayment, type Payment } from '../../payment/index.ts';
import { type GaugeShare, gaugeShareOf } from '../gauges.ts';

/** The columns of `payments` and `rare_shares` that follow from a document, under their parameter names. */
export interface PaymentRow extends GaugeShare {
  readonly id: string;
  readonly version: number;
  readonly merchantId: string;
  readonly merchantOrderNo: string;
  readonly status: string;
  readonly createdAt: number;
  readonly nextDueAt: number | null;
  readonly document: string;
}

/** What every read of a document selects. */
export interface DocumentRow {
  readonly id: string;
  readonly version: number;
  readonly document: string;
}

/** Checks the document once more before it is written and works out its row; throws on a document that must not exist. */
export function rowOf(payment: Payment): PaymentRow {
  assertPayment(payment);
  const { id, version, merchantId, merchantOrderNo, status, createdAt, nextDueAt } = payment;
  const document = JSON.stringify(payment);
  return { id, version, merchantId, merchantOrderNo, status, createdAt, nextDueAt, ...gaugeShareOf(payment), document };
}
