import { z } from 'zod';
import { nextOrderNo } from './scenarios.ts';
import type { Stage } from './stage.ts';

/** What one payment went through, in milliseconds from when its create was due. */
export interface Life {
  readonly id: string;
  readonly channel: string;
  readonly providerRef: string;
  readonly createdMs: number;
  /** From the buyer's payment to the event at the shop; null when it did not come. */
  readonly paidToEventMs: number | null;
}

export interface Lives {
  readonly lives: readonly Life[];
  /** What went wrong, with how often: the first words of the reason. */
  readonly problems: ReadonlyMap<string, number>;
  readonly seconds: number;
}

export interface Arrivals {
  readonly payments: number;
  /** New payments per second; null: `callers` at a time, as fast as they go. */
  readonly ratePerS: number | null;
  readonly callers: number;
  /** Every n-th buyer does not pay; 0: all pay. */
  readonly unpaidEvery: number;
}

const EVENT_MS_MAX = 30_000;
const KEY = 'sk_sandbox_demo';
/** Each with the scene that its channel serves. */
const MIX = [
  { methods: ['alipay'], scene: 'qr', currency: 'CNY' },
  { methods: ['wechatpay'], scene: 'qr', currency: 'CNY' },
  { methods: ['card'], scene: 'redirect', currency: 'USD' },
  { methods: ['alipay'], scene: 'redirect', currency: 'CNY' },
];

const createdSchema = z.object({
  id: z.string(),
  status: z.literal('pending'),
  attempts: z.array(z.object({ channel: z.string(), provider_ref: z.string() })).length(1),
});
const eventSchema = z.object({ type: z.string(), data: z.object({ id: z.string(), status: z.string() }) });

/** Whole payments, as shops and buyers make them: create, pay at the provider, callback, event. */
export async function driveLives(stage: Stage, mix: readonly number[], arrivals: Arrivals): Promise<Lives> {
  const lives: Life[] = [];
  const problems = new Map<string, number>();
  const problem = (what: string): void => void problems.set(what, (problems.get(what) ?? 0) + 1);
  const waiting = new Map<string, () => void>();
  const seen = new Set<string>();
  stage.collector.onEvent((body) => {
    const { type, data } = eventSchema.parse(JSON.parse(body));
    if (type !== 'payment.succeeded' || data.status !== 'succeeded') return problem(`event ${type} ${data.status}`);
    if (seen.has(data.id)) return problem('an event came twice');
    seen.add(data.id);
    waiting.get(data.id)?.();
  });

  async function live(index: number, dueAt: number): Promise<void> {
    const order = MIX[mix[index % mix.length] ?? 0];
    const created = await stage.gatewayPool.request({
      method: 'POST',
      path: '/v1/payments',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      body: JSON.stringify({
        ...order,
        ...{ merchant_order_no: nextOrderNo(), amount: 1_000, subject: 'Game key' },
        notify_url: stage.collector.shopUrl('switchyard'),
      }),
    });
    const answer: unknown = await created.body.json();
    const payment = createdSchema.safeParse(answer);
    if (created.statusCode !== 201 || !payment.success) return problem(`create ${created.statusCode}`);
    const createdMs = performance.now() - dueAt;
    const { id, attempts } = payment.data;
    const [{ channel, provider_ref: providerRef } = { channel: '', provider_ref: '' }] = attempts;
    const unpaid = arrivals.unpaidEvery > 0 && index % arrivals.unpaidEvery === 0;
    const paidToEventMs = unpaid ? null : await pay(id, channel, providerRef);
    lives.push({ id, channel, providerRef, createdMs, paidToEventMs });
  }

  async function pay(id: string, channel: string, providerRef: string): Promise<number | null> {
    const arrived = Promise.withResolvers<boolean>();
    waiting.set(id, () => arrived.resolve(true));
    const late = setTimeout(() => arrived.resolve(false), EVENT_MS_MAX);
    const paidAt = performance.now();
    const answer = await stage.sandboxPool.request({
      method: 'POST',
      path: `/_control/channels/${channel}/pay`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provider_ref: providerRef }),
    });
    await answer.body.dump();
    if (answer.statusCode !== 200) problem(`pay ${answer.statusCode}`);
    const came = answer.statusCode === 200 && (await arrived.promise);
    clearTimeout(late);
    waiting.delete(id);
    if (!came) problem('no event');
    return came ? performance.now() - paidAt : null;
  }

  const startedAt = performance.now();
  const one = (index: number, dueAt: number): Promise<void> =>
    live(index, dueAt).catch((thrown: unknown) => problem(thrown instanceof Error ? thrown.message : String(thrown)));
  await (arrivals.ratePerS === null ? inTurns(arrivals, one) : onSchedule(arrivals, arrivals.ratePerS, one));
  return { lives, problems, seconds: (performance.now() - startedAt) / 1_000 };
}

async function inTurns({ payments, callers }: Arrivals, one: (i: number, at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < payments) {
      const index = next;
      next += 1;
      await one(index, performance.now());
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

async function onSchedule(
  { payments }: Arrivals,
  ratePerS: number,
  one: (i: number, at: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  const running: Promise<void>[] = [];
  while (running.length < payments) {
    const due = Math.min(payments, Math.floor(((performance.now() - startedAt) * ratePerS) / 1_000) + 1);
    while (running.length < due) running.push(one(running.length, startedAt + (running.length * 1_000) / ratePerS));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
}
