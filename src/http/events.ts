import type { Router } from '@koa/router';
import { type Gateway, isoTime } from '../gateway/index.ts';
import { type Delivery, ok } from '../payment/index.ts';
import { forMerchant } from './authenticate.ts';
import type { PublicAppParts, RequestState } from './context.ts';
import { readJson } from './json-body.ts';
import { parseEventsPage } from './query.ts';
import { parseRedelivery } from './redelivery-order.ts';

type ListedEvent = Awaited<ReturnType<Gateway['listEvents']>>[number];

/** The events of a merchant, whether they could be delivered or not. */
export function addEventRoutes(router: Router<RequestState>, parts: PublicAppParts): void {
  router.get(
    '/v1/events',
    forMerchant(parts, async (ctx, merchant) => {
      const page = parseEventsPage(ctx.querystring);
      if (!page.ok) return page;
      const events = await parts.gateway.listEvents(merchant, page.value);
      const last = events.length === page.value.limit ? (events.at(-1)?.event.id ?? null) : null;
      return ok({ status: 200, body: { data: events.map(eventView), next_cursor: last } });
    }),
  );
  router.post(
    '/v1/events/redeliver',
    forMerchant(parts, async (ctx, merchant) => {
      const body = await readJson(ctx.req);
      if (!body.ok) return body;
      const filter = parseRedelivery(body.value);
      if (!filter.ok) return filter;
      return ok({ status: 200, body: await parts.gateway.redeliverDead(merchant, filter.value) });
    }),
  );
  router.post(
    '/v1/events/:id/redeliver',
    forMerchant(parts, async (ctx, merchant) => {
      const event = await parts.gateway.redeliverEvent(merchant, ctx.params.id ?? '');
      return event.ok ? ok({ status: 200, body: eventView(event.value) }) : event;
    }),
  );
}

/** The event as it is sent (`type`, `id`, `timestamp`, `data`), with what became of its delivery. */
export function eventView({ paymentId, event }: ListedEvent) {
  return {
    object: 'event' as const,
    id: event.id,
    type: event.type,
    timestamp: isoTime(event.at),
    payment_id: paymentId,
    delivery: deliveryView(event.delivery),
    data: dataOf(event.body),
  };
}

function deliveryView(delivery: Delivery) {
  switch (delivery.state) {
    case 'none':
      return { state: delivery.state, tries: 0, next_at: null, at: null };
    case 'pending':
      return { state: delivery.state, tries: delivery.tries, next_at: isoTime(delivery.nextAt), at: null };
    default:
      return { state: delivery.state, tries: delivery.tries, next_at: null, at: isoTime(delivery.at) };
  }
}

/** The payment as the event's body froze it. */
function dataOf(body: string): unknown {
  if (body === '') return null;
  const parsed: { data?: unknown } = JSON.parse(body);
  return parsed.data ?? null;
}
