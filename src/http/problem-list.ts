import type { ApiErrorCode } from '../gateway/index.ts';

/** The codes of `api.md` and the one that only HTTP knows. */
export type ProblemCode = ApiErrorCode | 'method_not_allowed';

/** A refusal in words: its headline, why it comes, and what the caller does about it. */
interface ProblemWords {
  readonly title: string;
  readonly cause: string;
  readonly cure: string;
}

/** Every code that an answer can carry. The page `/docs` prints this table. */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemWords>> = {
  unauthorized: {
    title: 'The secret key is missing or wrong',
    cause: 'No Authorization header, more than one, another scheme than Bearer, or a key that belongs to no merchant.',
    cure: 'Send `Authorization: Bearer <secret key>` once. Repeating the request as it was changes nothing.',
  },
  forbidden: {
    title: 'Not allowed',
    cause: 'The key is known, but its merchant is disabled.',
    cure: 'Ask the operator. What was begun goes on.',
  },
  not_found: {
    title: 'Not found',
    cause: 'Nothing is at this path, or the payment, refund or event does not exist or belongs to another merchant.',
    cure: 'Check the id and the path.',
  },
  method_not_allowed: {
    title: 'Method not allowed',
    cause: 'The path exists, but not with this method.',
    cure: 'Use one of the methods in the Allow header.',
  },
  validation_failed: {
    title: 'The request has invalid fields',
    cause: 'A field, query parameter or header is missing, unknown, repeated, or has a value that it may not have.',
    cure: '`errors` names every fault with its path. Mend the request; as it is it will always be refused.',
  },
  invalid_json: {
    title: 'The body is not a JSON document',
    cause:
      'The body is empty, cut off, no JSON, no UTF-8 or compressed, has a key twice, or its Content-Type is not application/json.',
    cure: 'Send one JSON document in UTF-8 as `Content-Type: application/json`, without Content-Encoding.',
  },
  body_too_large: {
    title: 'The body is too large',
    cause: 'The body has more than 64 KiB.',
    cure: 'Send less; metadata is no place for documents.',
  },
  idempotency_conflict: {
    title: 'The same key was used for a different request',
    cause: 'This merchant_order_no, merchant_refund_no or Idempotency-Key came before, with another content.',
    cure: 'A new order or refund needs a new number and key; a repeat has to be the same in every field.',
  },
  invalid_state: {
    title: 'The payment is not in a state that allows this',
    cause: 'The payment is already paid, closed or failed, or not yet paid, or its channel or event cannot do this.',
    cure: 'Fetch the payment and decide anew; `detail` says what is in the way.',
  },
  refund_exceeds_amount: {
    title: 'The refund exceeds what is left',
    cause: 'More is asked for than was paid, less what is refunded or being refunded.',
    cure: 'Fetch the payment: what is left is `amount` less its refunds that are not `failed`.',
  },
  no_channel_available: {
    title: 'No channel can take this payment now',
    cause:
      'Every channel is down, at its limit, or does not offer this method, currency, scene or amount. `detail` names the reasons.',
    cure: 'Repeat the same request, with the same number, after `Retry-After` seconds (until a limit or a maintenance ends or the next attempt is due, at most 900; else 5): it cannot make a second payment.',
  },
  store_unavailable: {
    title: 'The payments cannot be read or written now',
    cause: 'The database does not answer. Whether the request was kept is not known.',
    cure: 'Repeat the same request, with the same number, after `Retry-After` seconds; it cannot make a second payment.',
  },
  channel_rejected: {
    title: 'The channel refused the payment',
    cause: 'The provider refused it for good (`detail` is for the buyer), or the pinned channel may not take it.',
    cure: 'Offer the buyer another way to pay, under a new merchant_order_no.',
  },
  rate_limited: {
    title: 'Too many requests',
    cause: 'This merchant sent more requests in a minute than agreed.',
    cure: 'Wait `Retry-After` seconds. Events tell more than polling does.',
  },
  risk_denied: {
    title: 'Refused by the risk rules',
    cause: 'The risk rules refused the payment.',
    cure: 'Do not repeat it; talk to the operator when the buyer is genuine.',
  },
  internal: {
    title: 'Internal error',
    cause: 'A fault or an outage on our side. What was asked for may have been done.',
    cure: 'Repeat the same request with the same number and key: it is safe. Report `request_id` when it lasts.',
  },
};
