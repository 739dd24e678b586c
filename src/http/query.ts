import { z } from 'zod';
import { err, ok, PAYMENT_STATUSES, type PaymentStatus, type Result } from '../payment/index.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { orderNoSchema, patternSchema } from './fields.ts';
import { type EdgeError, validationFailed } from './problem.ts';

const LIMIT = { max: 100, default: 20 };
const TIME_MESSAGE = 'must be an RFC 3339 time, for example 2026-01-31T08:00:00Z';
const LIMIT_MESSAGE = `must be an integer in 1-${LIMIT.max}`;

const limitSchema = z
  .string()
  .regex(/^\d{1,3}$/, LIMIT_MESSAGE)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= LIMIT.max, LIMIT_MESSAGE)
  .default(LIMIT.default)
  .meta({ type: 'integer', minimum: 1, maximum: LIMIT.max, pattern: undefined })
  .describe(`How many at most; ${LIMIT.default} when it is left out.`);

/** An RFC 3339 time, as milliseconds. */
export const timeSchema = z.iso
  .datetime({ offset: true, error: TIME_MESSAGE })
  .transform((text) => Date.parse(text))
  .refine((at) => Number.isSafeInteger(at), TIME_MESSAGE);

/** The query of `GET /v1/payments`. */
export const listSchema = z.strictObject({
  merchant_order_no: orderNoSchema.describe('The one payment of this order.').optional(),
  status: z.enum(PAYMENT_STATUSES, `must be one of ${PAYMENT_STATUSES.join(', ')}`).optional(),
  created_after: timeSchema.describe('From this time on, it included.').optional(),
  created_before: timeSchema.describe('Before this time.').optional(),
  limit: limitSchema,
  cursor: patternSchema(/^[A-Za-z0-9_.~:=-]{1,256}$/, 'must be the next_cursor of an earlier answer')
    .describe('The `next_cursor` of the page before; anything else starts at the newest.')
    .optional(),
});

export const eventIdSchema = patternSchema(/^[a-z0-9_]{1,64}$/, 'must be an event id');

/** The query of `GET /v1/events`. */
export const eventsSchema = z.strictObject({
  state: z.literal('dead', 'must be dead').describe('Those alone whose delivery was given up.').optional(),
  after: eventIdSchema.describe('Those after this event: the `next_cursor` of the page before.').optional(),
  limit: limitSchema,
});

export const merchantSchema = patternSchema(/^[\x21-\x7e]{1,64}$/, 'must be a merchant id');

const deadEventsSchema = z.strictObject({
  state: z.literal('dead', 'must be dead'),
  merchant: merchantSchema.optional(),
  after: eventIdSchema.optional(),
  limit: limitSchema,
});

interface ListFilter {
  readonly merchantOrderNo?: string;
  readonly status?: PaymentStatus;
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  readonly limit: number;
  readonly cursor?: string;
}

/** Checks the query of `GET /v1/payments`. */
export function parseListFilter(querystring: string): Result<ListFilter, EdgeError> {
  const parsed = parseQuery(querystring, listSchema);
  if (!parsed.ok) return parsed;
  const { merchant_order_no, status, created_after, created_before, limit, cursor } = parsed.value;
  return ok({
    limit,
    ...(merchant_order_no === undefined ? {} : { merchantOrderNo: merchant_order_no }),
    ...(status === undefined ? {} : { status }),
    ...(created_after === undefined ? {} : { createdAfter: created_after }),
    ...(created_before === undefined ? {} : { createdBefore: created_before }),
    ...(cursor === undefined ? {} : { cursor }),
  });
}

/** Checks the query of `GET /v1/events`. */
export function parseEventsPage(
  querystring: string,
): Result<{ state?: 'dead'; after?: string; limit: number }, EdgeError> {
  const parsed = parseQuery(querystring, eventsSchema);
  if (!parsed.ok) return parsed;
  const { state, after, limit } = parsed.value;
  return ok({ limit, ...(state === undefined ? {} : { state }), ...(after === undefined ? {} : { after }) });
}

/** Checks the query of `GET /admin/events`. */
export function parseDeadEvents(
  querystring: string,
): Result<{ merchantId: string | null; after?: string; limit: number }, EdgeError> {
  const parsed = parseQuery(querystring, deadEventsSchema);
  if (!parsed.ok) return parsed;
  const { merchant = null, after, limit } = parsed.value;
  return ok({ merchantId: merchant, limit, ...(after === undefined ? {} : { after }) });
}

/** Every parameter at most once and known: a filter that is ignored in silence answers a question nobody asked. */
function parseQuery<S extends z.ZodObject>(querystring: string, schema: S): Result<z.output<S>, EdgeError> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(querystring)) {
    if (fields.has(name))
      return err(validationFailed([{ path: name.slice(0, 64), message: 'was sent more than once' }]));
    fields.set(name, value);
  }
  const parsed = schema.safeParse(Object.fromEntries(fields));
  return parsed.success
    ? ok(parsed.data)
    : err(validationFailed(fieldErrorsOf(parsed.error, { '': Object.keys(schema.shape) })));
}
