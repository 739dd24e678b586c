import type { z } from 'zod';
import type { ProblemCode } from '../problem-list.ts';
import { eventsSchema, listSchema } from '../query.ts';
import type { SchemaName } from './schemas.ts';

/** One endpoint of the merchant API, as it is described. Parsing and answering are the routes'; a test compares the two. */
export interface Operation {
  readonly id: string;
  readonly method: 'get' | 'post';
  /** Parameters in braces. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  readonly body?: SchemaName;
  readonly query?: z.ZodObject;
  readonly takesIdempotencyKey?: true;
  readonly answer: SchemaName;
  /** What the statuses below 300 mean. */
  readonly success: Readonly<Record<number, string>>;
  /** What can be refused beside the `ALWAYS`, and the `OF_BODIES` where there is a body. */
  readonly refusals: readonly ProblemCode[];
}

export const TAGS = {
  Payments: 'Ask for money, look, close, say that the goods are out.',
  Refunds: 'Send money back, whole or in part.',
  Routing: 'Why a payment went where it went, and what would be chosen now.',
  Events: 'What happened, with what became of each delivery. The same is sent to `notify_url`.',
} as const;
type Tag = keyof typeof TAGS;

/** Every endpoint can answer these. */
export const ALWAYS: readonly ProblemCode[] = [
  'unauthorized',
  'forbidden',
  'method_not_allowed',
  'rate_limited',
  'internal',
  'store_unavailable',
];
export const OF_BODIES: readonly ProblemCode[] = ['validation_failed', 'invalid_json', 'body_too_large'];

const ON_PAYMENT = '/v1/payments/{id}';

export const OPERATIONS: readonly Operation[] = [
  {
    id: 'createPayment',
    method: 'post',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'Create a payment',
    description:
      'Chooses a channel and asks it for a way to pay; goes on to the next channel when one fails. `merchant_order_no` makes it idempotent: the same request again is the same payment, however long ago; with another content it is a conflict. Send the buyer where `action` says, or to `checkout_url`.',
    body: 'CreatePayment',
    takesIdempotencyKey: true,
    answer: 'Payment',
    success: { 201: 'The new payment.', 200: 'The payment exists already: this request is a repeat.' },
    refusals: ['idempotency_conflict', 'channel_rejected', 'no_channel_available'],
  },
  {
    id: 'listPayments',
    method: 'get',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'List payments',
    description: 'Newest first. Every parameter at most once.',
    query: listSchema,
    answer: 'PaymentList',
    success: { 200: 'A page; `next_cursor` leads on, null ends.' },
    refusals: ['validation_failed'],
  },
  {
    id: 'getPayment',
    method: 'get',
    path: ON_PAYMENT,
    tag: 'Payments',
    summary: 'Look at a payment',
    description: 'What is known now, without asking the channel.',
    answer: 'Payment',
    success: { 200: 'The payment.' },
    refusals: ['not_found'],
  },
  {
    id: 'closePayment',
    method: 'post',
    path: `${ON_PAYMENT}/close`,
    tag: 'Payments',
    summary: 'Close an unpaid payment',
    description:
      'At the provider too, so that it cannot be paid any more. While a provider does not answer, the payment stays as it is and is closed later by itself. Closing a closed payment changes nothing.',
    answer: 'Payment',
    success: { 200: 'The payment, closed or about to be.' },
    refusals: ['not_found', 'invalid_state'],
  },
  {
    id: 'syncPayment',
    method: 'post',
    path: `${ON_PAYMENT}/sync`,
    tag: 'Payments',
    summary: 'Ask the channel now',
    description:
      'Asks about everything that is open, refunds too. It happens by itself as well; this is for the impatient.',
    answer: 'Payment',
    success: { 200: 'The payment as the channel knows it, or as it was when the channel does not answer.' },
    refusals: ['not_found'],
  },
  {
    id: 'markDelivered',
    method: 'post',
    path: `${ON_PAYMENT}/fulfilment`,
    tag: 'Payments',
    summary: 'Say that the goods are out',
    description: 'The answer `{"fulfilment":"delivered"}` to the event does the same. Twice is as good as once.',
    body: 'Fulfilment',
    answer: 'Payment',
    success: { 200: 'The payment.' },
    refusals: ['not_found', 'invalid_state'],
  },
  {
    id: 'createRefund',
    method: 'post',
    path: `${ON_PAYMENT}/refunds`,
    tag: 'Refunds',
    summary: 'Refund a payment',
    description:
      '`merchant_refund_no` makes it idempotent within its payment. A `pending` refund is decided later; an event says how. A `failed` one frees its amount: try again under a new number.',
    body: 'CreateRefund',
    takesIdempotencyKey: true,
    answer: 'Refund',
    success: { 201: 'The new refund.', 200: 'The refund exists already: this request is a repeat.' },
    refusals: ['not_found', 'idempotency_conflict', 'invalid_state', 'refund_exceeds_amount'],
  },
  {
    id: 'getRefund',
    method: 'get',
    path: `${ON_PAYMENT}/refunds/{refund_id}`,
    tag: 'Refunds',
    summary: 'Look at a refund',
    description: 'All refunds of a payment are in the payment, too.',
    answer: 'Refund',
    success: { 200: 'The refund.' },
    refusals: ['not_found'],
  },
  {
    id: 'getRouting',
    method: 'get',
    path: `${ON_PAYMENT}/routing`,
    tag: 'Routing',
    summary: 'Why a payment went where it went',
    description: 'The decisions as they were stored when they were taken.',
    answer: 'Routing',
    success: { 200: 'One decision per attempt, in their order.' },
    refusals: ['not_found'],
  },
  {
    id: 'quoteRouting',
    method: 'post',
    path: '/v1/routing/quote',
    tag: 'Routing',
    summary: 'What would be chosen now',
    description: 'And what it would cost. Creates nothing and asks nobody.',
    body: 'QuoteRequest',
    answer: 'Quote',
    success: { 200: 'The choice, with every channel as it was judged.' },
    refusals: [],
  },
  {
    id: 'listEvents',
    method: 'get',
    path: '/v1/events',
    tag: 'Events',
    summary: 'List events',
    description: 'Oldest first, delivered or not. Every parameter at most once.',
    query: eventsSchema,
    answer: 'EventList',
    success: { 200: 'A page; `next_cursor` goes into `after`, null when there was less than `limit`.' },
    refusals: ['validation_failed'],
  },
  {
    id: 'redeliverEvent',
    method: 'post',
    path: '/v1/events/{id}/redeliver',
    tag: 'Events',
    summary: 'Send an event again',
    description: 'Under the same id, with the same body, and with days of retries of its own.',
    answer: 'Event',
    success: { 200: 'The event, on its way.' },
    refusals: ['not_found', 'invalid_state'],
  },
  {
    id: 'redeliverEvents',
    method: 'post',
    path: '/v1/events/redeliver',
    tag: 'Events',
    summary: 'Send again what was given up',
    description: 'Oldest first. Call it again with `after` until `next` is null.',
    body: 'Redelivery',
    answer: 'Redelivered',
    success: { 200: 'How many are on their way, and where to go on.' },
    refusals: [],
  },
];
