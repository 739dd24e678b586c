import { z } from 'zod';
import type { Captured } from './collector.ts';
import type { Shot, Source } from './loops.ts';
import type { Stage } from './stage.ts';

/** The two programs that are measured side by side. */
export type Program = 'switchyard' | 'floor';

const KEY = 'sk_sandbox_demo';
const JSON_HEADERS = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };

/** How a payment method is called by both programs. */
export interface Method {
  readonly method: 'alipay' | 'wechatpay';
  /** The channel that the floor calls; the gateway chooses for itself, which is nearly always this one. */
  readonly floorChannel: string;
}

export const ALIPAY: Method = { method: 'alipay', floorChannel: 'alipay-main' };
export const WECHATPAY: Method = { method: 'wechatpay', floorChannel: 'wechatpay-main' };

let orders = 0;
const run = `${process.pid}-${Math.floor(performance.timeOrigin)}`;

/** An order number that was not used before, on this stage or any other. */
export function nextOrderNo(): string {
  orders += 1;
  return `B${run}-${orders}`;
}

/** QR orders of 10.00 CNY with an address for events; every created payment's answer is kept in `created`. */
export function creates(
  stage: Stage,
  program: Program,
  { method, floorChannel }: Method,
  created: string[],
  shop: () => string = () => program,
): Source {
  const path = program === 'switchyard' ? '/v1/payments' : `/create/${floorChannel}`;
  const order = {
    ...{ amount: 1_000, currency: 'CNY', methods: [method], scene: 'qr', subject: 'Game key' },
  };
  return {
    next: () => ({
      ...{ method: 'POST', path, headers: JSON_HEADERS },
      body: JSON.stringify({
        ...{ ...order, merchant_order_no: nextOrderNo() },
        notify_url: stage.collector.shopUrl(shop()),
      }),
    }),
    accept(status, text) {
      if (status !== 201 || !text.includes('"status":"pending"') || !text.includes('"qr_code":"')) return false;
      created.push(text);
      return true;
    },
  };
}

/** What Alipay and Stripe are told when their notice is durable; WeChat gets a 204. */
const ACKNOWLEDGED = new Set(['success', '{"received":true}']);

/** Captured callbacks, each sent once, in their order. */
export function callbacks(program: Program, captured: readonly Captured[]): Source {
  let position = 0;
  return {
    next(): Shot | null {
      const callback = captured[position];
      if (callback === undefined) return null;
      position += 1;
      const { target, channel, headers, body } = callback;
      return { method: 'POST', path: program === 'switchyard' ? target : `/callback/${channel}`, headers, body };
    },
    accept: (status, text) => (status === 200 && ACKNOWLEDGED.has(text)) || status === 204,
  };
}

/** Payments by their ids, over and over. */
export function queries(program: Program, ids: readonly string[]): Source {
  const path = program === 'switchyard' ? '/v1/payments/' : '/payments/';
  let position = 0;
  return {
    next() {
      position = (position + 1) % ids.length;
      return { method: 'GET', path: path + ids[position], headers: JSON_HEADERS };
    },
    accept: (status, text) => status === 200 && text.startsWith('{') && text.includes('"amount":1000'),
  };
}

/** Card orders of 10.00 USD, for Stripe's page; every created payment's answer is kept in `created`. */
function cards(stage: Stage, created: string[]): Source {
  const order = {
    ...{ amount: 1_000, currency: 'USD', methods: ['card'], scene: 'redirect', subject: 'Game key' },
    notify_url: stage.collector.shopUrl('switchyard'),
  };
  return {
    next: () => ({
      ...{ method: 'POST', path: '/v1/payments', headers: JSON_HEADERS },
      body: JSON.stringify({ ...order, merchant_order_no: nextOrderNo() }),
    }),
    accept(status, text) {
      if (status !== 201 || !text.includes('"status":"pending"')) return false;
      created.push(text);
      return true;
    },
  };
}

/** A way to pay, from its creation to its callbacks. */
export interface Kind {
  readonly name: string;
  /** Notices that the provider sends of one paid payment. */
  readonly noticesEach: number;
  creates(stage: Stage, created: string[]): Source;
}

export function kindOf(method: Method): Kind {
  return {
    ...{ name: `${method.method} qr`, noticesEach: 1 },
    creates: (stage, created) => creates(stage, 'switchyard', method, created),
  };
}

/** One notice of the intent and one of the session; the second tells nothing new. */
export const STRIPE: Kind = { name: 'stripe', noticesEach: 2, creates: cards };

/** Orders of a shop that speaks epay, signed with its key. */
export function epayOrders(stage: Stage, sign: (parameters: Readonly<Record<string, string>>) => string): Source {
  return {
    next() {
      const order = {
        ...{ pid: '1000', type: 'alipay', out_trade_no: nextOrderNo(), name: 'Game key', money: '10.00' },
        ...{ notify_url: stage.collector.shopUrl('switchyard'), device: 'pc' },
      };
      const body = new URLSearchParams({ ...order, sign: sign(order), sign_type: 'MD5' }).toString();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', path: '/mapi.php', headers, body };
    },
    accept: (status, text) => status === 200 && text.includes('"code":1') && text.includes('"trade_no":"'),
  };
}

/** The newest payments of the shop. */
export function lists(): Source {
  return {
    next: () => ({ method: 'GET', path: '/v1/payments?limit=20', headers: JSON_HEADERS }),
    accept: (status, text) => status === 200 && text.startsWith('{"data":[{'),
  };
}

/** What would be chosen for 10.00 CNY. */
export function quotes(program: Program): Source {
  const path = program === 'switchyard' ? '/v1/routing/quote' : '/quote';
  const body = JSON.stringify({ amount: 1_000, currency: 'CNY', methods: ['alipay', 'wechatpay'], scene: 'qr' });
  return {
    next: () => ({ method: 'POST', path, headers: JSON_HEADERS, body }),
    accept: (status, text) => status === 200 && text.includes('"candidates":[{'),
  };
}

const paymentSchema = z.object({
  id: z.string(),
  status: z.string(),
  attempts: z.array(z.object({ channel: z.string(), provider_ref: z.string() })),
});

export type CreatedPayment = z.infer<typeof paymentSchema>;

export function readPayment(text: string): CreatedPayment {
  return paymentSchema.parse(JSON.parse(text));
}

/** The buyer pays at the simulator; its callback is then on its way. */
export function payments(created: readonly CreatedPayment[]): Source {
  let position = 0;
  return {
    next(): Shot | null {
      const attempt = created[position]?.attempts.at(-1);
      if (attempt === undefined) return null;
      position += 1;
      return {
        method: 'POST',
        path: `/_control/channels/${attempt.channel}/pay`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ provider_ref: attempt.provider_ref }),
      };
    },
    accept: (status, text) => status === 200 && text.includes('"status":"paid"'),
  };
}
