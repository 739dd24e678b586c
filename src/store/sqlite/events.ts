import type Database from 'better-sqlite3';
import type { ListedEvent, PaymentStore } from '../port.ts';
import { parseDocument } from '../stored-document.ts';
import type { DocumentRow } from './payment-row.ts';

export const EVENTS_LIMIT_MAX = 1_000;

type EventRow = DocumentRow & { readonly eventId: string };
type Position = { readonly pk: number };

type ListOf<Page> = (page: Page) => readonly ListedEvent[];

export interface EventLists {
  readonly listEvents: ListOf<Parameters<PaymentStore['listEvents']>[0]>;
  readonly listDeadEvents: ListOf<Parameters<PaymentStore['listDeadEvents']>[0]>;
}

/** The statements that list events in the order of their commits. */
export function prepareEventLists(db: Database.Database): EventLists {
  const positionOf = db.prepare<[string], Position>('SELECT pk FROM events WHERE event_id = ?');
  const ownPositionOf = db.prepare<[string, string], Position>(
    'SELECT pk FROM events WHERE event_id = ? AND merchant_id = ?',
  );
  const following = db.prepare<[string, number, number], EventRow>(`
    SELECT events.event_id AS eventId, payments.id, payments.version, payments.document
    FROM events JOIN payments ON payments.pk = events.payment_pk
    WHERE events.merchant_id = ? AND events.pk > ? ORDER BY events.pk LIMIT ?`);
  const dead = <P extends readonly unknown[]>(condition: string) =>
    db.prepare<[...P, number, number], EventRow>(`
      SELECT events.event_id AS eventId, payments.id, payments.version, payments.document
      FROM dead_events JOIN events ON events.pk = dead_events.event_pk
        JOIN payments ON payments.pk = dead_events.payment_pk
      WHERE ${condition} dead_events.event_pk > ? ORDER BY dead_events.event_pk LIMIT ?`);
  const deadOfAll = dead<[]>('');
  const deadOfOne = dead<[string]>('dead_events.merchant_id = ? AND');

  /** 0, before the first, for an event that is unknown or another merchant's. */
  function positionAfter(after: string | undefined, merchantId: string | null): number {
    if (after === undefined) return 0;
    return (merchantId === null ? positionOf.get(after) : ownPositionOf.get(after, merchantId))?.pk ?? 0;
  }

  return {
    listEvents({ merchantId, after, limit }) {
      return following.all(merchantId, positionAfter(after, merchantId), capped(limit)).map(listed);
    },
    listDeadEvents({ merchantId, after, limit }) {
      const from = positionAfter(after, merchantId);
      const rows =
        merchantId === null ? deadOfAll.all(from, capped(limit)) : deadOfOne.all(merchantId, from, capped(limit));
      return rows.map(listed);
    },
  };
}

function listed(row: EventRow): ListedEvent {
  const { id: paymentId, merchantId, events } = parseDocument(row.document, row);
  const event = events.find((e) => e.id === row.eventId);
  if (!event) throw new Error(`store: the event ${row.eventId} is missing in its payment; restore it from a backup`);
  return { paymentId, merchantId, event };
}

function capped(limit: number): number {
  return Math.max(1, Math.min(limit, EVENTS_LIMIT_MAX));
}
