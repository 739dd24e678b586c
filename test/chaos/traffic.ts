import type { Chance } from './chance.ts';
import type { Shop } from './shop.ts';
import { type Answer, aMoment, type Counter } from './site.ts';

/** One way to pay over each provider. */
export const WAYS = [
  { methods: ['alipay'], scene: 'qr' },
  { methods: ['wechatpay'], scene: 'qr' },
  { methods: ['card'], scene: 'redirect' },
] as const;

const METHODS = ['alipay', 'wechatpay', 'card'] as const;

/** What a shop is doing at this moment; a crash at that moment is what a test may want. */
export type Moment = 'create' | 'choose' | 'callback' | 'refund' | 'webhook';

/** After so long without an answer the shop gives up, and the test has found something. */
const INSISTS_MS_MAX = 240_000;
const RETRY_MS = 150;
/** It asks less and less often, as shops should: else a slow answer makes the next one slower. */
const RETRY_MS_MAX = 2_000;
/** A buyer looks at a dead page for so long. */
const PAY_TRIES_MAX = 60;
const CHOOSE_TRIES_MAX = 8;

export interface TrafficOptions {
  readonly site: Counter;
  readonly shop: Shop;
  readonly chance: Chance;
  /** New orders per second, whether or not the earlier ones are answered. */
  readonly ratePerS: number;
  /** While so many buyers are busy nobody else comes, so that a busy machine is not given more than it can do. */
  readonly buyersMax?: number;
  /** Before every order number, so that two loads on one site do not meet. */
  readonly name?: string;
}

/** A shop's load: buyers who come all the time, pay in every way that goes wrong, and want some of their money back. */
export interface Traffic {
  /** Order number -> every payment id that a create of it was answered with. */
  readonly created: ReadonlyMap<string, ReadonlySet<string>>;
  /** The shop's refund number -> the refund ids that it was answered with. */
  readonly refunded: ReadonlyMap<string, ReadonlySet<string>>;
  /** How many orders were paid at their provider. */
  paid(): number;
  /** Payments with an order that was paid though it was never shown. */
  readonly paidTwice: ReadonlySet<string>;
  /** Answers that nothing can excuse. */
  readonly complaints: readonly string[];
  /** Settles when somebody does this next. */
  next(moment: Moment): Promise<void>;
  start(): void;
  /** Takes no more orders, and settles when everybody has got an answer. The gateway has to be up for that. */
  finish(): Promise<void>;
}

export function openTraffic({
  site,
  shop,
  chance,
  ratePerS,
  buyersMax = Number.POSITIVE_INFINITY,
  name = 'C',
}: TrafficOptions): Traffic {
  const created = new Map<string, Set<string>>();
  const refunded = new Map<string, Set<string>>();
  const complaints: string[] = [];
  const buyers = new Set<Promise<void>>();
  const waiting = new Map<Moment, (() => void)[]>();
  let timer: NodeJS.Timeout | undefined;
  let orders = 0;
  let paid = 0;
  const paidTwice = new Set<string>();

  const now = (moment: Moment): void => {
    for (const resolve of waiting.get(moment)?.splice(0) ?? []) resolve();
  };
  shop.onDelivery(() => now('webhook'));

  /** Asks again and again, as a shop has to, until there is an answer that settles it. */
  async function insist(
    what: string,
    ask: () => Promise<Answer>,
    settles: (a: Answer) => boolean,
  ): Promise<Answer | null> {
    let last = 'no answer';
    const begunAt = performance.now();
    for (let waitMs = RETRY_MS; performance.now() - begunAt < INSISTS_MS_MAX; waitMs *= 1.3) {
      const answer = await ask().catch(() => null);
      if (answer && settles(answer)) return answer;
      if (answer) last = `${answer.status} ${JSON.stringify(answer.body)}`;
      if (answer && answer.status >= 400 && answer.status < 500) break;
      await aMoment(Math.min(waitMs, RETRY_MS_MAX));
    }
    complaints.push(`${what}: ${last}`);
    return null;
  }

  async function buy(luck: Chance): Promise<void> {
    orders += 1;
    const orderNo = `${name}${orders}`;
    // Some buyers choose at the cashier, and some of them think again.
    const chooses = luck.happens(0.15);
    const way = chooses ? { methods: METHODS, deferred: true } : luck.pick(WAYS);
    const order = {
      ...{ merchant_order_no: orderNo, amount: 100 + luck.below(100_000), currency: 'CNY', subject: '点卡 Game key' },
      ...{ ...way, notify_url: shop.url, customer: { email: `buyer-${orders}@shop.example` } },
      expires_in: luck.happens(0.05) ? 60 : 900,
    };
    const create = (): Promise<Answer> => {
      const asked = site.api('POST', '/v1/payments', order);
      now('create');
      return asked.then((answer) => {
        if (answer.status === 200 || answer.status === 201) add(created, orderNo, answer.body.id);
        return answer;
      });
    };
    const isMade = (a: Answer) => a.status < 300 && (attemptOf(a) !== undefined || isOver(a) || chooses);
    const made = await insist(`create ${orderNo}`, create, isMade);
    const answer = made && chooses ? await choose(luck, made) : made;
    const attempt = answer && attemptOf(answer);
    if (!attempt) return;
    if (luck.happens(0.1)) await create().catch(() => null);
    if (luck.happens(0.05))
      await site.control(attempt.channel, 'fail', { provider_ref: attempt.provider_ref }).catch(() => null);
    if (luck.happens(0.08)) return; // changed their mind
    if (await pay(luck, answer, attempt)) await wantMoneyBack(luck, answer.body.id, order.amount);
  }

  /** Clicks once or twice, whatever becomes of it, until there is something to pay. */
  async function choose(luck: Chance, { body }: Answer): Promise<Answer | null> {
    for (let tries = 0; tries < CHOOSE_TRIES_MAX; tries += 1) {
      const looked = await insist(
        `look at ${body.id}`,
        () => site.api('GET', `/v1/payments/${body.id}`),
        (a) => a.status === 200,
      );
      if (!looked || isOver(looked)) return null;
      if (attemptOf(looked) && luck.happens(0.6)) return looked;
      const form = { method: luck.pick(METHODS), seen: String(looked.body.attempts.length) };
      const clicks = Array.from({ length: 1 + luck.below(2) }, () => click(body.id, form));
      now('choose');
      await Promise.all(clicks);
      await aMoment(RETRY_MS);
    }
    return null;
  }

  async function click(id: string, form: Readonly<Record<string, string>>): Promise<void> {
    const options = { method: 'POST', redirect: 'manual', body: new URLSearchParams(form) } as const;
    const answer = await fetch(`${site.url}/pay/${id}/choose`, options).catch(() => null);
    // A page that could not be served while the process died is no answer; an answer that is one sends the buyer on.
    if (answer && answer.status !== 303) complaints.push(`choose for ${id}: ${answer.status}`);
  }

  async function pay(luck: Chance, { body }: Answer, attempt: Payable): Promise<boolean> {
    const callback = luck.pick(['send', 'send', 'send', 'duplicate', 'drop', `delay_ms:${luck.below(3_000)}`]);
    const done = await payAt(attempt, callback, PAY_TRIES_MAX);
    // An order that was never shown, since its create got no answer, is paid as well where it exists: money that came twice.
    for (const other of body.attempts) {
      if (other.provider_ref === attempt.provider_ref || !luck.happens(0.3)) continue;
      if (await payAt(other, 'send', 1)) paidTwice.add(body.id);
    }
    return done;
  }

  async function payAt({ channel, provider_ref }: Payable, callback: string, triesMax: number): Promise<boolean> {
    // An order that exists only when its page is opened needs a gateway that serves the page: so a refusal is no end.
    for (let tries = 0; tries < triesMax; tries += 1) {
      const said = await site.control(channel, 'pay', { provider_ref, callback }).catch(() => null);
      now('callback');
      if (said?.status === 200) {
        paid += 1;
        return true;
      }
      if (said?.status === 409) return false;
      await aMoment(RETRY_MS);
    }
    return false;
  }

  async function wantMoneyBack(luck: Chance, id: string, amount: number): Promise<void> {
    if (!luck.happens(0.35)) return;
    const known = await insist(
      `wait for ${id}`,
      () => site.api('GET', `/v1/payments/${id}`),
      (a) => a.body.paid_at || isOver(a),
    );
    if (!known?.body.paid_at) return;
    const parts = luck.happens(0.4) ? [null] : Array.from({ length: 1 + luck.below(3) }, () => 1 + luck.below(amount));
    const asked = parts.map(async (part, i) => {
      const merchant_refund_no = `R-${id.slice(-8)}-${i}`;
      const body = { merchant_refund_no, ...(part === null ? {} : { amount: part }), reason: 'not wanted' };
      const refund = (): Promise<Answer> => {
        const sent = site.api('POST', `/v1/payments/${id}/refunds`, body);
        now('refund');
        return sent;
      };
      const said = await insist(`refund ${merchant_refund_no}`, refund, ({ status, body: why }) =>
        status === 409 ? why.code === 'refund_exceeds_amount' || why.code === 'invalid_state' : status < 300,
      );
      if (said && said.status < 300) add(refunded, merchant_refund_no, said.body.id);
    });
    await Promise.all(asked);
  }

  const arrive = (): void => {
    if (buyers.size >= buyersMax) return;
    const buyer = buy(chance.branch())
      .catch((thrown: unknown) => void complaints.push(`buyer: ${String(thrown)}`))
      .finally(() => buyers.delete(buyer));
    buyers.add(buyer);
  };

  return {
    ...{ created, refunded, complaints, paidTwice, paid: () => paid },
    next: (moment) => new Promise((resolve) => void waiting.set(moment, [...(waiting.get(moment) ?? []), resolve])),
    start: () => {
      timer = setInterval(arrive, 1_000 / ratePerS);
    },
    finish: async () => {
      clearInterval(timer);
      await Promise.all(buyers);
    },
  };
}

interface Payable {
  readonly channel: string;
  readonly provider_ref: string;
}

/** What the buyer can pay now. */
function attemptOf({ body }: Answer): Payable | undefined {
  return body.attempts?.find((attempt: { status: string }) => attempt.status === 'open');
}

function isOver({ body }: Answer): boolean {
  return ['succeeded', 'partially_refunded', 'refunded', 'closed', 'failed', 'review'].includes(body.status);
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}
