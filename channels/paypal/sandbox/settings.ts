import { z } from 'zod';
import type { WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { Reply } from './reply.ts';
import { problem } from './reply.ts';

/** Where tests ask for what PayPal would never do on request. */
export const WISHES_PATH = '/_sandbox';

const wishesSchema = z.strictObject({
  /** All calls whose method and path begin so are refused with this issue; null ends it. */
  refuse_with: z
    .object({ call: z.string(), status: z.int().min(400).max(599), name: z.string(), issue: z.string().optional() })
    .nullable()
    .optional(),
  /** The bank decides a pending capture. */
  settle_capture: z.object({ provider_ref: z.string(), outcome: z.enum(['COMPLETED', 'DECLINED']) }).optional(),
  revoke_tokens: z.boolean().optional(),
});
export type Wishes = z.infer<typeof wishesSchema>;

export function parseWishes(body: Buffer): Wishes | null {
  try {
    const parsed = wishesSchema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The refusal that was asked for, for a call that it is meant for. */
export function orderedReply(ordered: Wishes['refuse_with'], { method, path }: WireRequest): Reply | null {
  if (!ordered || !`${method} ${path}`.startsWith(ordered.call)) return null;
  return problem(ordered.status, ordered.name, ordered.issue);
}
