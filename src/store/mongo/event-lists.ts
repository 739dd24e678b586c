import type { Payment, PaymentEvent } from '../../payment/index.ts';
import type { ListedEvent, PaymentStore } from '../port.ts';
import { isDead } from './event-log.ts';
import { paymentOf } from './payment-row.ts';
import type { EventRow, PaymentRow, Rows } from './rows.ts';

const LIMIT_MAX = 1_000;
/** A payment is written this soon after its event has taken its place, or it is not written at all. */
const WRITTEN_WITHIN_MS = 60_000;

type Found =
  | { readonly state: 'listed'; readonly listed: ListedEvent }
  /** Nothing stands here, and never will. */
  | { readonly state: 'empty' }
  /** Its payment may be written in this moment: a reader must not go past it. */
  | { readonly state: 'coming' };

export type EventLists = Pick<PaymentStore, 'listEvents' | 'listDeadEvents'>;

/** The lists of events, read from the places that `EventLog` has given them and from the payments. */
export function createEventLists(rows: Pick<Rows, 'events' | 'payments'>, now: () => number): EventLists {
  const { events, payments } = rows;

  async function listEvents({ merchantId, after, limit }: Parameters<PaymentStore['listEvents']>[0]) {
    const wanted = capped(limit);
    const found: ListedEvent[] = [];
    let seq = (await placeOf(after, merchantId))?.seq ?? 0;
    while (found.length < wanted) {
      const page = await events
        .find({ merchantId, seq: { $gt: seq } })
        .sort({ seq: 1 })
        .limit(wanted)
        .lean<EventRow[]>();
      for (const each of await lookUp(page)) {
        if (each.state === 'coming' || found.length === wanted) return found;
        if (each.state === 'listed') found.push(each.listed);
      }
      if (page.length < wanted) break;
      seq = page.at(-1)?.seq ?? seq;
    }
    return found;
  }

  async function listDeadEvents({ merchantId, after, limit }: Parameters<PaymentStore['listDeadEvents']>[0]) {
    const wanted = capped(limit);
    const found: ListedEvent[] = [];
    let order = (await placeOf(after, merchantId))?.order ?? '';
    while (found.length < wanted) {
      const page = await events
        .find({ dead: { $gt: order }, ...(merchantId === null ? {} : { merchantId }) })
        .sort({ dead: 1 })
        .limit(wanted)
        .lean<EventRow[]>();
      for (const each of await lookUp(page)) {
        if (each.state === 'listed' && isDead(each.listed.event) && found.length < wanted) found.push(each.listed);
      }
      if (page.length < wanted) break;
      order = page.at(-1)?.dead ?? order;
    }
    return found;
  }

  /** Null for an event that is unknown or another merchant's. */
  async function placeOf(after: string | undefined, merchantId: string | null): Promise<EventRow | null> {
    if (after === undefined) return null;
    const places = await events
      .find({ eventId: after, ...(merchantId === null ? {} : { merchantId }) })
      .sort({ seq: -1 })
      .lean<EventRow[]>();
    const looked = await lookUp(places);
    return places.find((_, i) => looked[i]?.state === 'listed') ?? null;
  }

  async function lookUp(places: readonly EventRow[]): Promise<readonly Found[]> {
    const ids = [...new Set(places.map(({ paymentId }) => paymentId))];
    const stored = ids.length === 0 ? [] : await payments.find({ _id: { $in: ids } }).lean<PaymentRow[]>();
    const known = new Map(stored.map((row) => [row._id, { row, payment: paymentOf(row) }]));
    return places.map((place) => {
      const { row, payment } = known.get(place.paymentId) ?? {};
      const index = payment?.events.findIndex(({ id }) => id === place.eventId) ?? -1;
      const event = payment?.events[index];
      if (row && payment && event) return row.seqs?.[index] === place.seq ? listed(payment, event) : { state: 'empty' };
      const isComing = !place.void && place.at > now() - WRITTEN_WITHIN_MS;
      return { state: isComing ? 'coming' : 'empty' };
    });
  }

  return { listEvents, listDeadEvents };
}

function listed({ id: paymentId, merchantId }: Payment, event: PaymentEvent): Found {
  return { state: 'listed', listed: { paymentId, merchantId, event } };
}

function capped(limit: number): number {
  return Math.max(1, Math.min(limit, LIMIT_MAX));
}
