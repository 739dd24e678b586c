import { z } from 'zod';

const name = z.string().min(1).max(100);
const channelId = name;
const method = name;
const wanted = { minor: z.number().min(0), lead: z.number().min(0).max(1).nullable() };
const order = { channelId, method, currency: name, band: z.int().min(0).max(100), at: z.number() };

/** What one replica tells the others: what it has seen, never what it concludes but for breakers. */
export const routingNewsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...{ kind: z.literal('call'), channelId, method, outcome: z.enum(['ok', 'failed', 'refused']) },
    ...{ latencyMs: z.number().min(0).max(3_600_000), trial: z.boolean() },
  }),
  z.strictObject({ kind: z.literal('trial'), channelId, method }),
  z.strictObject({ kind: z.literal('gate'), channelId, method, state: z.enum(['open', 'closed']) }),
  z.strictObject({ kind: z.literal('breaker'), channelId, operation: name, state: z.enum(['open', 'closed']) }),
  z.strictObject({ kind: z.literal('misconfigured'), channelId, methods: z.array(method).max(100).readonly() }),
  z.strictObject({ kind: z.literal('mended'), channelId }),
  z.strictObject({ kind: z.literal('wanted'), channelId, currency: name, ...wanted }),
  z.strictObject({ kind: z.literal('opened'), ...order }),
  z.strictObject({ kind: z.literal('paid'), ...order }),
]);

export type RoutingNews = z.infer<typeof routingNewsSchema>;
