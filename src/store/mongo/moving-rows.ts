import type { Payment } from '../../payment/index.ts';
import type { FailingEndpoint, OrderNumber } from '../port.ts';
import { isDead } from './event-log.ts';
import { ROUTING } from './installation.ts';
import { derivedOf } from './payment-row.ts';
import { type EventRow, idOf, type OrderRow, type PaymentRow, type TradeRow } from './rows.ts';
import { isTraded, keyOf } from './trade-numbers.ts';

/** Everything that a database of payments holds, in the order in which it is told of. */
export const COLLECTIONS = [
  'payments',
  'order_reservations',
  'trade_numbers',
  'events',
  'order_numbers',
  'keys',
  'failing_endpoints',
  'channel_volumes',
  'installation',
] as const;
export type CollectionName = (typeof COLLECTIONS)[number];

/** A document as it has to stand in its collection. */
export interface MovingRow {
  readonly collection: CollectionName;
  readonly _id: string;
  readonly row: object;
}

/** The place of an event among its merchant's, from 1, and among all events. */
export interface EventPlace {
  readonly seq: number;
  readonly order: number;
}

/** A payment and all that follows from it. `sample` is its number among all payments of the store that it comes from. */
export function rowsOfPayment(
  payment: Payment,
  from: { readonly sample: number; placeOf(eventId: string): EventPlace },
): readonly MovingRow[] {
  const { id, merchantId, merchantOrderNo } = payment;
  const places = payment.events.map((event) => ({ event, place: from.placeOf(event.id) }));
  const seqs = Object.fromEntries(places.map(({ place }, index) => [index, place.seq]));
  const row: PaymentRow = { _id: id, ...derivedOf(payment), sample: from.sample, seqs };
  const reservation: OrderRow = { _id: idOf(merchantId, merchantOrderNo), paymentId: id };
  const trades = payment.attempts
    .filter(isTraded)
    .map((attempt): TradeRow => ({ _id: keyOf(attempt), paymentId: id, seq: attempt.seq }));
  const events = places.map(({ event, place: { seq, order } }): EventRow => {
    const inAll = orderOf(order);
    return {
      ...{ _id: idOf(merchantId, seq), merchantId, seq, eventId: event.id, paymentId: id, order: inAll, at: event.at },
      ...(isDead(event) ? { dead: inAll } : {}),
    };
  });
  return [
    moving('payments', row),
    moving('order_reservations', reservation),
    ...trades.map((trade) => moving('trade_numbers', trade)),
    ...events.map((event) => moving('events', event)),
  ];
}

export function rowOfOrderNumber({ merchantId, orderNo, ...entry }: OrderNumber): MovingRow {
  return moving('order_numbers', { _id: idOf(merchantId, orderNo), ...entry });
}

export function rowOfKey(key: {
  readonly merchantId: string;
  readonly key: string;
  readonly requestHash: string;
  readonly subject: string;
  readonly createdAt: number;
}): MovingRow {
  const { merchantId, key: name, requestHash, subject, createdAt } = key;
  return moving('keys', { _id: idOf(merchantId, name), requestHash, subject, createdAt });
}

export function rowOfEndpoint(entry: FailingEndpoint): MovingRow {
  return moving('failing_endpoints', { _id: idOf(entry.merchantId, entry.endpoint), ...entry });
}

export function rowOfVolume(volume: {
  readonly channelId: string;
  readonly currency: string;
  readonly slot: number;
  readonly takenMinor: number;
  readonly paidMinor: number;
}): MovingRow {
  return moving('channel_volumes', { _id: idOf(volume.channelId, volume.currency, volume.slot), ...volume });
}

/** The single values that move; null: there is none. */
export function rowsOfInstallation(values: {
  readonly masterKeyId: string | null;
  readonly routingMemory: string | null;
}): readonly MovingRow[] {
  const { masterKeyId, routingMemory } = values;
  return [
    ...(masterKeyId === null ? [] : [moving('installation', { _id: 'master-key', value: masterKeyId })]),
    ...(routingMemory === null ? [] : [moving('installation', { _id: ROUTING, value: routingMemory })]),
  ];
}

function moving<Row extends { readonly _id: string }>(collection: CollectionName, row: Row): MovingRow {
  return { collection, _id: row._id, row };
}

/** Below whatever a process gives to new events, which is the time in microseconds. */
function orderOf(place: number): string {
  return `${String(place).padStart(17, '0')}/sqlite`;
}
