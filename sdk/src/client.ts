import { createSender, type Ports, type SwitchyardOptions } from './request.ts';
import type {
  CreatePayment,
  CreateRefund,
  Event,
  EventList,
  Payment,
  PaymentList,
  Quote,
  QuoteRequest,
  Redelivered,
  Redelivery,
  Refund,
  Routing,
} from './types.ts';

export interface CallOptions {
  /** Gives up; the promise is rejected with the signal's reason. What was asked for may have been done. */
  readonly signal?: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  /** Made up when absent, and the same for every try of one call. */
  readonly idempotencyKey?: string;
}

export interface ListPayments {
  readonly merchant_order_no?: string;
  readonly status?: Payment['status'];
  readonly created_after?: string | Date;
  readonly created_before?: string | Date;
  /** How many to fetch at a time, 1-100. */
  readonly pageSize?: number;
}

export interface ListEvents {
  /** Those alone whose delivery was given up. */
  readonly state?: 'dead';
  /** Those after this event. */
  readonly after?: string;
  /** How many to fetch at a time, 1-100. */
  readonly pageSize?: number;
}

/** The merchant API. Every method rejects with an `ApiError`, a `ConnectionError` or the reason of an aborted signal. */
export interface Switchyard {
  readonly payments: {
    /** The same order again is the same payment. */
    create(order: CreatePayment, options?: CreateOptions): Promise<Payment>;
    get(paymentId: string, options?: CallOptions): Promise<Payment>;
    /** Newest first; fetches page after page while you go on. */
    list(filter?: ListPayments, options?: CallOptions): AsyncIterable<Payment>;
    close(paymentId: string, options?: CallOptions): Promise<Payment>;
    /** Asks the channel now. */
    sync(paymentId: string, options?: CallOptions): Promise<Payment>;
    /** Says that the goods are out. */
    fulfil(paymentId: string, options?: CallOptions): Promise<Payment>;
    /** Why it went where it went. */
    routing(paymentId: string, options?: CallOptions): Promise<Routing>;
  };
  readonly refunds: {
    /** The same refund again is the same refund. Without an amount: all that is left. */
    create(paymentId: string, refund: CreateRefund, options?: CreateOptions): Promise<Refund>;
    get(paymentId: string, refundId: string, options?: CallOptions): Promise<Refund>;
  };
  readonly events: {
    /** Oldest first; fetches page after page while you go on. */
    list(filter?: ListEvents, options?: CallOptions): AsyncIterable<Event>;
    redeliver(eventId: string, options?: CallOptions): Promise<Event>;
    /** Sends again what was given up. */
    redeliverAll(order: Redelivery, options?: CallOptions): Promise<Redelivered>;
  };
  /** What would be chosen now, and what it would cost. */
  quote(request: QuoteRequest, options?: CallOptions): Promise<Quote>;
}

/** A client for one merchant. It keeps no state but its options. */
export function createSwitchyard(options: SwitchyardOptions, ports: Ports = REAL): Switchyard {
  const send = createSender(options, ports);
  const get = <T>(path: string, { signal }: CallOptions = {}) =>
    send<T>({ method: 'GET', path, signal, repeatable: true });
  const post = <T>(path: string, body: unknown, { signal }: CallOptions = {}, repeatable = true) =>
    send<T>({ method: 'POST', path, body, signal, repeatable });
  const create = <T>(
    path: string,
    body: unknown,
    { signal, idempotencyKey = crypto.randomUUID() }: CreateOptions = {},
  ) => send<T>({ method: 'POST', path, body, signal, idempotencyKey, repeatable: true });

  return {
    payments: {
      create: (order, call) => create('/v1/payments', order, call),
      get: (id, call) => get(payment(id), call),
      list: ({ pageSize, ...filter } = {}, call) =>
        pages((cursor) => get<PaymentList>(`/v1/payments${query({ ...filter, limit: pageSize, cursor })}`, call)),
      close: (id, call) => post(`${payment(id)}/close`, undefined, call),
      sync: (id, call) => post(`${payment(id)}/sync`, undefined, call),
      fulfil: (id, call) => post(`${payment(id)}/fulfilment`, { status: 'delivered' }, call),
      routing: (id, call) => get(`${payment(id)}/routing`, call),
    },
    refunds: {
      create: (id, refund, call) => create(`${payment(id)}/refunds`, refund, call),
      get: (id, refundId, call) => get(`${payment(id)}/refunds/${encodeURIComponent(refundId)}`, call),
    },
    events: {
      list: ({ pageSize, after, ...filter } = {}, call) =>
        pages((cursor) =>
          get<EventList>(`/v1/events${query({ ...filter, limit: pageSize, after: cursor ?? after })}`, call),
        ),
      // Each time is one more delivery, so nobody but you repeats it after an answer that got lost.
      redeliver: (id, call) => post(`/v1/events/${encodeURIComponent(id)}/redeliver`, undefined, call, false),
      redeliverAll: (order, call) => post('/v1/events/redeliver', order, call, false),
    },
    quote: (request, call) => post('/v1/routing/quote', request, call),
  };
}

const REAL: Ports = {
  fetch: (...request) => fetch(...request),
  random: Math.random,
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', gone);
        resolve();
      };
      const timer = setTimeout(done, ms);
      const gone = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', gone, { once: true });
    }),
};

function payment(id: string): string {
  return `/v1/payments/${encodeURIComponent(id)}`;
}

function query(parameters: Readonly<Record<string, string | number | Date | null | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === null ? [] : [[name, value instanceof Date ? value.toISOString() : `${value}`]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

async function* pages<T>(
  fetchPage: (cursor: string | null) => Promise<{ readonly data: readonly T[]; readonly next_cursor: string | null }>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | null = null;
  do {
    const page: { readonly data: readonly T[]; readonly next_cursor: string | null } = await fetchPage(cursor);
    yield* page.data;
    cursor = page.next_cursor;
  } while (cursor !== null);
}
