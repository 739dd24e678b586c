import { apply, createPayment, newId, type Payment } from '../../src/payment/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { anOrder, seeded } from './stage.ts';

let made = 0;

/** Puts a payment into the store that was closed at `at`, and whose shop has to be told of it at `notifyUrl`. */
export async function owe(
  store: PaymentStore,
  {
    notifyUrl,
    at,
    merchantId = 'm_demo',
  }: { readonly notifyUrl: string; readonly at: number; readonly merchantId?: string },
): Promise<Payment> {
  made += 1;
  const chance = seeded(made);
  const id = newId('pay', at, (size) => Uint8Array.from({ length: size }, () => Math.floor(chance() * 256)));
  const { customer: _customer, ...order } = anOrder({ notifyUrl });
  const policies = {
    ...({ lateSuccess: 'refund', surplus: 'refund', amountMismatch: 'hold' } as const),
    paidKnownWithinMs: 60_000,
  };
  const created = createPayment({ ...order, id, merchantId, customer: { country: null, sealed: null }, policies }, at);
  const closed = apply(created, { type: 'close_requested', by: 'merchant' }, at);
  if (closed.outcome !== 'applied') throw new Error(`not closed: ${closed.reason}`);
  const events = closed.payment.events.map((event) => ({ ...event, body: JSON.stringify({ id: event.id }) }));
  await store.insert({ ...closed.payment, events });
  return { ...closed.payment, events };
}
