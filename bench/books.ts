import { request } from 'undici';
import { z } from 'zod';
import type { Life } from './lifecycle.ts';
import type { Stage } from './stage.ts';

const KEY = 'sk_sandbox_demo';
const viewSchema = z.object({ status: z.string(), attempts: z.array(z.object({ status: z.string() })) });
const ordersSchema = z.object({
  data: z.array(
    z.object({
      ...{ provider_ref: z.string(), status: z.string() },
      ...{ callbacks_sent: z.int(), callbacks_acked: z.int() },
    }),
  ),
});

/** Compares what the gateway, the providers' books and the shop believe of every life; answers the differences, counted. */
export async function compareBooks(stage: Stage, lives: readonly Life[]): Promise<ReadonlyMap<string, number>> {
  const differences = new Map<string, number>();
  const differ = (what: string): void => void differences.set(what, (differences.get(what) ?? 0) + 1);
  const books = new Map<string, string>();
  for (const channel of new Set(lives.map((life) => life.channel))) {
    const { body } = await request(`${stage.sandboxUrl}/_control/channels/${channel}/orders`);
    for (const order of ordersSchema.parse(await body.json()).data) {
      // Stripe sends two notices of one payment; what counts is that none had to be repeated.
      const { status, callbacks_sent: sent, callbacks_acked: acked } = order;
      books.set(
        order.provider_ref,
        sent === acked && acked > 0 ? status : `${status}, ${acked} of ${sent} acknowledged`,
      );
    }
  }
  for (const { id, providerRef, paidToEventMs } of lives) {
    const answer = await stage.gatewayPool.request({
      ...{ method: 'GET', path: `/v1/payments/${id}` },
      headers: { authorization: `Bearer ${KEY}` },
    });
    const view = viewSchema.parse(await answer.body.json());
    const expected = paidToEventMs === null ? 'pending' : 'succeeded';
    if (view.status !== expected || view.attempts.length !== 1) differ(`${view.status} instead of ${expected}`);
    const booked = books.get(providerRef) ?? 'no order';
    if (paidToEventMs !== null && booked !== 'paid') differ(`the provider's books say: ${booked}`);
  }
  return differences;
}
