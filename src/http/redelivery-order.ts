import { z } from 'zod';
import type { RedeliveryFilter } from '../gateway/index.ts';
import { err, ok, type Result } from '../payment/index.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { type EdgeError, validationFailed } from './problem.ts';
import { eventIdSchema, merchantSchema, timeSchema } from './query.ts';

const LIMIT_MAX = 1_000;
const LIMIT_MESSAGE = `must be an integer in 1-${LIMIT_MAX}`;

/** The body of `POST /v1/events/redeliver`. */
export const redeliverySchema = z.strictObject(
  {
    state: z.literal('dead', 'must be "dead"').describe('Events whose delivery was given up.'),
    created_after: timeSchema.describe('Of events from this time on, it included.').optional(),
    created_before: timeSchema.describe('Of events before this time.').optional(),
    after: eventIdSchema.describe('Those after this event: the `next` of the answer before.').optional(),
    limit: z
      .int(LIMIT_MESSAGE)
      .min(1, LIMIT_MESSAGE)
      .max(LIMIT_MAX, LIMIT_MESSAGE)
      .default(LIMIT_MAX)
      .describe('How many at most.'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must be a JSON object' : undefined) },
);
const operatorSchema = redeliverySchema.extend({ merchant: merchantSchema.optional() });

/** Checks what a merchant wants sent again. */
export function parseRedelivery(body: unknown): Result<Omit<RedeliveryFilter, 'merchantId'>, EdgeError> {
  const parsed = redeliverySchema.safeParse(body);
  return parsed.success ? ok(filterOf(parsed.data)) : refused(parsed.error, redeliverySchema);
}

/** Checks what an operator wants sent again, of one merchant or of all. */
export function parseOperatorRedelivery(body: unknown): Result<RedeliveryFilter, EdgeError> {
  const parsed = operatorSchema.safeParse(body);
  if (!parsed.success) return refused(parsed.error, operatorSchema);
  const { merchant = null, ...order } = parsed.data;
  return ok({ ...filterOf(order), merchantId: merchant });
}

function filterOf(order: z.output<typeof redeliverySchema>): Omit<RedeliveryFilter, 'merchantId'> {
  const { created_after, created_before, after, limit } = order;
  return {
    limit,
    ...(created_after === undefined ? {} : { createdAfter: created_after }),
    ...(created_before === undefined ? {} : { createdBefore: created_before }),
    ...(after === undefined ? {} : { after }),
  };
}

function refused(error: z.ZodError, schema: z.ZodObject): Result<never, EdgeError> {
  return err(validationFailed(fieldErrorsOf(error, { '': Object.keys(schema.shape) })));
}
