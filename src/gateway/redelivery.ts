import { type EpochMs, err, isToldOf, ok, paymentIdOfEvent, type Result } from '../payment/index.ts';
import type { ListedEvent } from '../store/port.ts';
import type { Redelivered, RedeliveryFilter } from './api.ts';
import type { Change } from './change.ts';
import { type GatewayError, gatewayError } from './errors.ts';
import { type Endpoint, endpointOf } from './failing-endpoints.ts';
import type { Parts } from './parts.ts';

/** One call looks at no more events than this, so that it ends soon; `next` leads on. */
const EXAMINED_MAX = 5_000;
const PAGE = 500;
/** They share commits, and leave room for the payments that are being made meanwhile. */
const AT_ONCE = 16;

const NO_SUCH_EVENT = gatewayError('not_found', 'No such event of this merchant.');

/** Events that are sent again because a person wants it: same id, same body, with days of retries of their own. */
export function createRedelivery(parts: Parts, services: { readonly change: Change; trialWanted(at: Endpoint): void }) {
  const { store } = parts;

  /** One event, in whatever state it is. `merchantId` null: whoever's it is. */
  async function redeliver(merchantId: string | null, eventId: string): Promise<Result<ListedEvent, GatewayError>> {
    const paymentId = paymentIdOfEvent(eventId);
    const stored = paymentId === null ? null : await store.findById(paymentId);
    const known = stored?.payment.events.find((e) => e.id === eventId);
    if (!stored || !known || (merchantId ?? stored.payment.merchantId) !== stored.payment.merchantId) {
      return err(NO_SUCH_EVENT);
    }
    const { id, merchantId: ownerId, notifyUrl } = stored.payment;
    if (notifyUrl === null) {
      return err(
        gatewayError('invalid_state', 'This payment has no notify_url; configure a webhook or read GET /v1/events.'),
      );
    }
    if (!isToldOf(stored.payment, known.type)) {
      return err(gatewayError('invalid_state', 'This shop speaks epay, which tells of paid orders and nothing else.'));
    }
    const event = await sendAgain(id, eventId);
    return ok({ paymentId: id, merchantId: ownerId, event: event ?? known });
  }

  /** Those that were given up, oldest first, up to `limit` of them. */
  async function redeliverDead(filter: RedeliveryFilter): Promise<Redelivered> {
    const { merchantId, limit } = filter;
    let { after } = filter;
    let redelivered = 0;
    for (let examined = 0; examined < EXAMINED_MAX; ) {
      const page = await store.listDeadEvents({ merchantId, limit: PAGE, ...(after === undefined ? {} : { after }) });
      const { taken, seen } = takeWanted(page, filter, limit - redelivered);
      redelivered += await sendAllAgain(taken);
      examined += seen;
      after = page[seen - 1]?.event.id ?? after;
      if (seen === page.length && page.length < PAGE) return { redelivered, next: null };
      if (redelivered >= limit || seen < page.length) break;
    }
    return { redelivered, next: after ?? null };
  }

  async function sendAllAgain(events: readonly ListedEvent[]): Promise<number> {
    let sent = 0;
    const waiting = events.values();
    const worker = async (): Promise<void> => {
      for (const { paymentId, event } of waiting) if (await sendAgain(paymentId, event.id)) sent += 1;
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return sent;
  }

  async function sendAgain(paymentId: string, eventId: string): Promise<ListedEvent['event'] | undefined> {
    const changed = await services.change(paymentId, { type: 'redelivery_requested', eventId });
    if (changed.outcome !== 'applied') return undefined;
    const at = endpointOf(changed.payment);
    if (at) services.trialWanted(at);
    return changed.payment.events.find((e) => e.id === eventId);
  }

  return { redeliver, redeliverDead };
}

/** The events of a page that are wanted, and how many of the page were looked at to find them. */
function takeWanted(
  page: readonly ListedEvent[],
  { createdAfter, createdBefore }: { readonly createdAfter?: EpochMs; readonly createdBefore?: EpochMs },
  room: number,
): { readonly taken: readonly ListedEvent[]; readonly seen: number } {
  const taken: ListedEvent[] = [];
  let seen = 0;
  for (const listed of page) {
    if (taken.length >= room) break;
    seen += 1;
    const { at } = listed.event;
    if (at >= (createdAfter ?? at) && (createdBefore === undefined || at < createdBefore)) taken.push(listed);
  }
  return { taken, seen };
}
