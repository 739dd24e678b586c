import { z } from 'zod';
import {
  AMOUNT_MINOR_MAX,
  EVENT_TYPES,
  EXCLUSION_REASONS,
  ID_PATTERNS,
  PAYMENT_STATUSES,
} from '../../payment/index.ts';

// The shapes of `src/gateway/view.ts` and of the answers around them, for the API description. Nothing is parsed with them:
// the compiler compares them with the views (`test/http/openapi-types.test.ts`), a test with the answers of the running API.

const paymentId = z.string().regex(ID_PATTERNS.payment);
const refundId = z.string().regex(ID_PATTERNS.refund);
const eventId = z.string().regex(ID_PATTERNS.event);
const time = z.string().meta({ format: 'date-time' });
const amount = z.int().min(1).max(AMOUNT_MINOR_MAX);
const text = z.string();
const errorCode = text
  .nullable()
  .meta({ examples: ['DECLINED', 'CHANNEL_TIMEOUT_UNKNOWN'] })
  .describe('What went wrong last, in a word that is the same for all channels.');
const providerCode = text.nullable().describe("The provider's own code for it.");

const transfer = z
  .object({
    amount,
    currency: text,
    network: text.meta({ examples: ['TRC20'] }),
    address: text,
    expires_at: time.describe('The price holds until then.'),
  })
  .describe("What the buyer has to send, exactly, where that is another sum than the payment's.");

export const action = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('redirect'), url: text.describe('Send the buyer there.') }),
    z.object({
      type: z.literal('qr_code'),
      qr_code: text.describe('Show this text as a QR code.'),
      transfer: transfer.exactOptional(),
    }),
    z.object({ type: z.literal('form'), html: text.describe('A form that sends itself; put it into a page.') }),
    z.object({
      type: z.literal('client_secret'),
      client_secret: text.describe("For the provider's own script in your page."),
      publishable_key: text,
    }),
    z.object({ type: z.literal('none') }).describe('There is nothing to pay now.'),
  ])
  .describe('What the buyer has to do next.');

export const attempt = z
  .object({
    seq: z.int().min(1).max(99),
    channel: text,
    method: text,
    status: z.enum(['creating', 'open', 'unknown', 'succeeded', 'failed', 'closed']),
    provider_ref: text.describe('Our order number at the provider.'),
    channel_trade_no: text.nullable().describe("The provider's own number."),
    error_code: errorCode,
    provider_code: providerCode,
    effect: z
      .enum(['effective', 'surplus', 'late', 'mismatch'])
      .nullable()
      .describe('Of money that came: the one success that counts, paid twice, paid after the end, another amount.'),
    amount_paid: z.int().min(0).nullable(),
    disposition: z
      .enum(['keep', 'refund', 'hold', 'returned'])
      .nullable()
      .describe('What becomes of that money; `returned`: a person has sent it back by other means than a refund.'),
    latency_ms: z.number().nullable().describe('How long the channel took to answer.'),
    quote: transfer.exactOptional(),
  })
  .describe('One try on one channel.');

export const refund = z
  .object({
    id: refundId,
    object: z.literal('refund'),
    payment_id: paymentId,
    merchant_refund_no: text.nullable().describe('Null for money that went back by itself.'),
    amount,
    currency: text,
    status: z.enum(['pending', 'succeeded', 'failed']),
    cause: z
      .enum(['merchant', 'surplus', 'late', 'mismatch'])
      .describe('`merchant`: you asked for it. Otherwise the money should not have come, and went back by itself.'),
    reason: text.nullable(),
    attempt: z.int().min(1).max(99).describe('The attempt whose money goes back.'),
    channel: text.nullable(),
    channel_refund_no: text.nullable().describe("The provider's own number."),
    error_code: errorCode,
    provider_code: providerCode,
    created_at: time,
    resolved_at: time.nullable(),
  })
  .describe('Money on its way back.');

export const payment = z
  .object({
    id: paymentId,
    object: z.literal('payment'),
    status: z.enum(PAYMENT_STATUSES),
    status_reason: text
      .nullable()
      .meta({ examples: ['expired', 'merchant', 'declined'] })
      .describe('Why it ended or waits, in a word.'),
    merchant_order_no: text,
    amount,
    amount_refunded: z.int().min(0).describe('What has gone back because you asked for it.'),
    currency: text,
    subject: text,
    method: text.nullable(),
    channel: text.nullable(),
    action,
    checkout_url: text.describe("The cashier's page for the buyer."),
    attempts: z.array(attempt),
    refunds: z.array(refund),
    fulfilment: z.enum(['none', 'delivered']),
    metadata: z.record(z.string(), z.string()),
    created_at: time,
    expires_at: time,
    paid_at: time.nullable(),
  })
  .describe('A payment, the same in answers and in events.');

/** In a refund's event the payment names the refund that it is about. */
export const paymentWithRefund = payment
  .extend({ refund })
  .describe('A payment with the refund that the event is about.');

const ratio = z.number().min(0).max(1);

export const candidate = z
  .object({
    channel: text,
    method: text.nullable(),
    score: z.number().describe('The highest is asked first.'),
    factors: z
      .object({ success: ratio, fee: ratio, latency: ratio, settlement: ratio })
      .nullable()
      .describe('From 0 to 1, higher is better.'),
    fee: z.int().min(0).nullable().describe("What the channel charges, in the payment's minor unit."),
    counted_fee: z
      .int()
      .min(0)
      .exactOptional()
      .describe(
        'With fee tiers: what was counted, on average over the volume that they expect; absent: the fee itself.',
      ),
    limit_price: ratio
      .exactOptional()
      .describe(
        'By what share the score is lower since the daily limit of the channel will be used up; absent: by nothing.',
      ),
    success_ratio: ratio.nullable().describe('The expected share of successes.'),
    sample_size: z.number().min(0).nullable().describe('How many outcomes that rests on.'),
    latency_ms: z.number().min(0).nullable(),
    excluded: z.enum(EXCLUSION_REASONS).nullable().describe('Why it could not be chosen.'),
    rule: text.nullable().describe('The routing rule that excluded it.'),
  })
  .describe('One channel as the router judged it.');

const actedRule = z.object({ name: text, effect: z.enum(['exclude', 'require', 'prefer', 'split']) });

const omitted = z
  .int()
  .min(1)
  .exactOptional()
  .describe('So many further channels were judged, which are not told one by one; absent: none.');

export const decision = z
  .object({
    attempt: z.int().min(1).max(99),
    channel: text,
    position: z.enum(['first', 'failover']),
    reason: z.enum(['best_score', 'pinned', 'exploration', 'probe', 'panic', 'preferred', 'split']),
    explanation: text.describe('The decision in a sentence.'),
    decided_at: time,
    draw: z.number().nullable().describe('The random number, where chance had a say.'),
    rules: z.array(actedRule),
    candidates: z.array(candidate),
    omitted,
  })
  .describe('Why an attempt went where it went.');

export const delivery = z
  .object({
    state: z.enum(['none', 'pending', 'delivered', 'dead']).describe('`none`: there is no address; `dead`: given up.'),
    tries: z.int().min(0),
    next_at: time.nullable(),
    at: time.nullable().describe('When it was delivered or given up.'),
  })
  .describe('What became of an event.');

export const event = z
  .object({
    object: z.literal('event'),
    id: eventId,
    type: z.enum(EVENT_TYPES),
    timestamp: time,
    payment_id: paymentId,
    delivery,
    data: z.union([paymentWithRefund, payment]).describe('The payment as it was then.'),
  })
  .describe('An event, with what became of its delivery.');

export const paymentList = z.object({ data: z.array(payment), next_cursor: text.nullable() }).describe('Newest first.');
export const eventList = z
  .object({ data: z.array(event), next_cursor: eventId.nullable() })
  .describe('Oldest first. `next_cursor` goes into `after`.');
export const routing = z.object({ data: z.array(decision) }).describe('One decision per attempt.');
export const quote = z
  .object({ channel: text.nullable().describe('Null: none can take it.'), candidates: z.array(candidate), omitted })
  .describe('What would be chosen now.');
export const redelivered = z
  .object({ redelivered: z.int().min(0), next: eventId.nullable().describe('Goes into `after` of the next call.') })
  .describe('How many are on their way again.');
