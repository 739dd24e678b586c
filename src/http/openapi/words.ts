/** What a developer has to know before the first call, as Markdown: the head of the API description and of `/docs`. */
export const INTRODUCTION = `One API to take money over many channels. Create a payment, send the buyer where \`action\` says, and hear by a signed event what became of it.

### Authentication

\`Authorization: Bearer <secret key>\` in every request, from your server only. There is no CORS: a page in a browser has no business here.

### Money and time

Amounts are integers in the currency's minor unit (1000 CNY here is 10.00 yuan). Times are RFC 3339; answers are in UTC.

### Repeating a request

Whatever happens to an answer, send the same request again: \`merchant_order_no\` and \`merchant_refund_no\` make creates idempotent for ever (200 instead of 201). An \`Idempotency-Key\` guards the key beside the number: sent with another content, it is a conflict. Repeat after time-outs, cut connections, 429, 500 and 503 (after \`Retry-After\`), and after nothing else.

### What is refused

Unknown and repeated fields, query parameters and JSON keys are refused, never ignored: a misspelt \`notify_url\` must not get lost. Bodies are JSON in UTF-8, at most 64 KiB. Refusals are \`application/problem+json\` with a stable \`code\`; nothing has changed unless \`detail\` says so. Answers may get new fields: ignore those that you do not know. A request that is no HTTP, or slower than 30 seconds, is refused by the server itself, without a body (400, 408, 431). \`HEAD\` works wherever \`GET\` does, \`OPTIONS\` names the methods of a path.

### What a payment goes through

\`created\` → \`pending\` → \`succeeded\` → \`partially_refunded\` → \`refunded\`; unpaid ones end as \`failed\` or \`closed\`. \`review\`: somebody has to look, for example at another amount than asked for; \`disputed\`: the buyer has taken it back. Deliver when you see \`succeeded\` in an event with a good signature or in an answer of this API; a visit to \`return_url\` proves nothing.

### Events

Sent to \`notify_url\`, signed after [Standard Webhooks](https://www.standardwebhooks.com). Check the signature over the raw body before you read it, and the time, to be safe from replays. The answer \`{"fulfilment":"delivered"}\` tells us that the goods are out.

### What else is at this address

The cashier under \`/pay/\` is for buyers; \`checkout_url\` leads to it. \`/callbacks/\` belongs to the providers, each with its own protocol. The epay facade speaks epay to shops that know nothing else. None of them is part of this description.
`;

/** The events, each in a sentence. */
export const EVENT_WORDS = {
  'payment.succeeded': 'The money has come: deliver',
  'payment.failed': 'It cannot be paid any more: the provider refused it',
  'payment.closed': 'It cannot be paid any more: it expired, or you closed it',
  'payment.disputed': 'The buyer wants the money back through the bank',
  'refund.succeeded': 'A refund has reached the buyer, as far as the provider knows',
  'refund.failed': 'A refund came to nothing; its amount is free again',
} as const;
