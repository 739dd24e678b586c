import type { CallbackDelivery, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { newId } from './keys.ts';
import type { Detail, Entry, Ledger } from './ledger.ts';
import { renderCapture, renderOrder } from './objects.ts';
import { type Reply, unprocessable } from './reply.ts';
import type { Publish } from './webhooks.ts';

/** PayPal lets ten tries pass. */
const TRIES_MAX = 10;

/** Everything that moves an order's money. Every move sends its events. */
export interface Till {
  /** The buyer agrees on PayPal's page, with the way to pay that they have chosen. */
  approve(
    entry: Entry,
    how: {
      readonly instrument: Detail['instrument'];
      readonly payMinor: number | null;
      readonly delivery: CallbackDelivery;
    },
  ): Entry;
  /** The shop takes the money of an approved order; a refusal when there is none to take. */
  capture(entry: Entry, requestId: string | null): Entry | Reply;
  /** What becomes of a capture that was pending. */
  settle(entry: Entry, outcome: 'COMPLETED' | 'DECLINED'): Entry;
}

export function openTill(options: SimulatorOptions, ledger: Ledger, publish: Publish): Till {
  const { now, randomBytes, baseUrl } = options;

  const tell = (entry: Entry, what: string): void => {
    const resource = renderCapture(entry, baseUrl());
    publish({ type: `PAYMENT.CAPTURE.${what}`, resourceType: 'capture', resource }, entry, entry.detail.delivery);
  };

  const paid = ({ order, detail }: Entry, capture: NonNullable<Detail['capture']>): Entry =>
    ledger.put(
      { ...order, status: 'paid', paidAmountMinor: detail.payMinor ?? order.amountMinor, paidAt: capture.at },
      { ...detail, status: 'COMPLETED', capture },
    );

  return {
    approve({ order, detail }, { instrument, payMinor, delivery }) {
      const approved = ledger.put(order, { ...detail, status: 'APPROVED', instrument, payMinor, delivery });
      const resource = renderOrder(approved, baseUrl());
      publish({ type: 'CHECKOUT.ORDER.APPROVED', resourceType: 'checkout-order', resource }, approved, delivery);
      return approved;
    },
    capture(entry, requestId) {
      const { order, detail } = entry;
      if (detail.capture !== null)
        return detail.capture.requestId === requestId ? entry : unprocessable('ORDER_ALREADY_CAPTURED');
      if (detail.status === 'PAYER_ACTION_REQUIRED') return unprocessable('PAYER_ACTION_REQUIRED');
      if (detail.status !== 'APPROVED') return unprocessable('ORDER_NOT_APPROVED');
      const isTaken = ledger.find(
        (other) => other.detail.capture !== null && other.detail.invoiceId === detail.invoiceId,
      );
      if (detail.invoiceId !== null && isTaken) return unprocessable('DUPLICATE_INVOICE_ID');
      if (detail.instrument === 'declined') {
        const tries = detail.tries + 1;
        ledger.put(order, { ...detail, status: 'PAYER_ACTION_REQUIRED', tries });
        return unprocessable(tries >= TRIES_MAX ? 'MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED' : 'INSTRUMENT_DECLINED');
      }
      const base = { id: newId(randomBytes), requestId, at: now(), updatedAt: now() };
      if (detail.instrument === 'good') {
        const done = paid(entry, { ...base, status: 'COMPLETED' });
        tell(done, 'COMPLETED');
        return done;
      }
      const pending = ledger.put(order, { ...detail, status: 'COMPLETED', capture: { ...base, status: 'PENDING' } });
      tell(pending, 'PENDING');
      return pending;
    },
    settle(entry, outcome) {
      const { order, detail } = entry;
      if (detail.capture === null) return entry;
      const capture = { ...detail.capture, status: outcome, updatedAt: now() };
      const settled =
        outcome === 'COMPLETED'
          ? paid(entry, capture)
          : ledger.put({ ...order, status: 'failed' }, { ...detail, capture });
      tell(settled, outcome === 'COMPLETED' ? 'COMPLETED' : 'DENIED');
      return settled;
    },
  };
}
