import { z } from 'zod';
import type { WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Reply, refuse } from './reply.ts';

/** Wishes that no real Stripe grants over HTTP: `POST <base>/_sandbox`, one JSON object. */
const wishesSchema = z.strictObject({
  /** Answers every API call so, or those that are like `only` (`POST /v1/refunds`), until it is null again. */
  refuse_with: z
    .object({
      status: z.int().min(400).max(599),
      error: z.looseObject({ type: z.string(), message: z.string() }),
      only: z.string().optional(),
    })
    .nullable()
    .optional(),
  /** "Roll secret" in the dashboard: callbacks carry both signatures for a day. */
  roll_webhook_secret: z.boolean().optional(),
  /** Moves an unpaid order's PaymentIntent to `processing`, as while a bank is being asked. */
  processing: z.object({ provider_ref: z.string() }).optional(),
});
export type Wishes = z.infer<typeof wishesSchema>;

export const WISHES_PATH = '/_sandbox';

export function parseWishes(body: Buffer): Wishes | null {
  try {
    return wishesSchema.parse(JSON.parse(body.toString('utf8')));
  } catch {
    return null;
  }
}

export function orderedReply(wish: Wishes['refuse_with'], { method, path }: WireRequest): Reply | null {
  const applies = wish && (wish.only === undefined || wish.only === `${method} ${path}`);
  return applies ? refuse(wish.status, wish.error, wish.status >= 500) : null;
}
