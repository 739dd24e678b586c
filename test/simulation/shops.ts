import type { Gateway, Merchant, Order } from '../../src/gateway/index.ts';
import { hasEnded, type Payment, payableAttempt } from '../../src/payment/index.ts';
import type { Buyers } from './buyers.ts';
import { DAY, HOUR, MINUTE, SECOND } from './climate.ts';
import { DOWN_FOR_DAYS } from './endpoints.ts';
import type { Fleet } from './fleet.ts';
import { createRefundWishes } from './refund-wishes.ts';
import type { World } from './world.ts';

/** A shop gives up on an order that nobody takes after so many tries. */
const TRIES_MAX = 8;
const REQUEST_TIMEOUT_MS = 30 * SECOND;

const SECRET = 'whsec_c2ltdWxhdGVkLXNlY3JldC0wMDAx';

/** All shops of every world. */
export const MERCHANTS: readonly [Merchant, ...Merchant[]] = [aMerchant('m_one'), aMerchant('m_two')];

export interface Shops {
  /** Lets all orders of the world come. */
  open(orders: number): void;
  /** Which payment answers for an order number, as the shops were told. */
  readonly paymentIds: ReadonlyMap<string, string>;
}

/** The shops of a world: they order, order twice, repeat themselves with other bodies, close, ask, and want money back. */
export function createShops(world: World, fleet: Fleet, buyers: Buyers): Shops {
  const { time, record, climate } = world;
  const chance = world.chance('shops');
  const paymentIds = new Map<string, string>();
  const wishes = createRefundWishes(world, fleet);

  function open(orders: number): void {
    for (let i = 1; i <= orders; i += 1) {
      const at = chance.int(0, climate.arrivalMs);
      time.after(at, () => world.begin(() => serveBuyer(chance.pick(MERCHANTS), anOrder(`A${i}`))));
    }
  }

  function anOrder(merchantOrderNo: string): Order {
    const isDown = climate.shop.isDownForDays && chance.happens(0.3);
    const address = isDown ? DOWN_FOR_DAYS : `https://shop-${chance.int(1, 3)}.example/notify?order=${merchantOrderNo}`;
    return {
      merchantOrderNo,
      amount: { minor: chance.int(2, 100_000), currency: 'CNY' },
      methods: chance.happens(0.5) ? ['any'] : [],
      scene: chance.pick(['qr', 'redirect']),
      subject: 'A game key',
      customer: {},
      notifyUrl: chance.happens(0.95) ? address : null,
      returnUrl: null,
      expiresInMs: chance.pick([MINUTE, 3 * MINUTE, 15 * MINUTE]),
      metadata: {},
      pinnedChannelId: chance.happens(0.05) ? chance.pick(['scan', 'prepay', 'session', 'transfer']) : null,
      requestHash: `hash of ${merchantOrderNo}`,
    };
  }

  async function serveBuyer(merchant: Merchant, order: Order): Promise<void> {
    const key = chance.happens(0.3) ? `key of ${order.merchantOrderNo}` : null;
    const { twice, otherBody } = climate.shop.creates;
    const create = () => createOnce(merchant, order, key);
    if (chance.happens(twice)) world.begin(async () => void (await create()));
    const payment = await insist(create);
    if (!payment) return;
    if (chance.happens(otherBody)) await tryOtherBody(merchant, order);
    world.begin(() => orderAgain(create));
    world.begin(() => meddle(merchant, payment.id));
    if (chance.happens(climate.shop.wantsRefund)) world.begin(() => wishes.arise(merchant, payment.id));
  }

  /** Null: no answer, or one that asks for patience. */
  async function createOnce(merchant: Merchant, order: Order, key: string | null): Promise<Payment | 'refused' | null> {
    const { merchantOrderNo } = order;
    const served = await fleet.serve(`create ${merchantOrderNo}`, REQUEST_TIMEOUT_MS, (gateway) =>
      gateway.createPayment(merchant, order, key),
    );
    if (served.outcome !== 'answered') return null;
    const { value } = served;
    if (!value.ok) {
      const { code } = value.error;
      record.note(merchantOrderNo, `create: ${code}`);
      record.count(`create: ${code}`);
      const isOdd = code === 'idempotency_conflict' || code === 'internal';
      record.must(!isOdd, merchantOrderNo, `I1 the same order was answered with ${code}`);
      return code === 'channel_rejected' ? 'refused' : null;
    }
    const { payment, repeat } = value.value;
    record.note(merchantOrderNo, `create: ${payment.id}${repeat ? ', a repeat' : ''}`);
    record.count(repeat ? 'create: repeat' : 'create: new');
    const known = paymentIds.get(merchantOrderNo);
    record.must(known === undefined || known === payment.id, payment.id, `I1 ${merchantOrderNo} was ${known} before`);
    paymentIds.set(merchantOrderNo, payment.id);
    buyers.look(payment);
    return payment;
  }

  /** Repeats the same request until its buyer has a way to pay, or it is answered for good. */
  async function insist(create: () => Promise<Payment | 'refused' | null>): Promise<Payment | null> {
    let placed: Payment | null = null;
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const created = await create();
      if (created === 'refused') return null;
      if (created !== null) placed = created;
      if (placed !== null && (hasEnded(placed) || payableAttempt(placed) !== undefined)) return placed;
      await time.wait(chance.mostlyShort(SECOND, 40 * SECOND));
    }
    return placed;
  }

  async function tryOtherBody(merchant: Merchant, order: Order): Promise<void> {
    const other = { ...order, amount: { minor: order.amount.minor + 1, currency: 'CNY' }, requestHash: 'another hash' };
    const served = await fleet.serve('other body', REQUEST_TIMEOUT_MS, (g) => g.createPayment(merchant, other, null));
    if (served.outcome !== 'answered') return;
    record.count('create: other body');
    const code = served.value.ok ? 'taken' : served.value.error.code;
    record.must(code === 'idempotency_conflict', order.merchantOrderNo, `I1 another body was ${code}`);
  }

  /** A buyer whose card was declined, or who comes back to the basket, makes the shop repeat its order. */
  async function orderAgain(create: () => Promise<unknown>): Promise<void> {
    for (let times = chance.mostlyShort(0, 3); times > 0; times -= 1) {
      await time.wait(chance.mostlyShort(5 * SECOND, 10 * MINUTE));
      await create();
    }
  }

  /** Asks, closes, and reports its delivery, at times of its own. */
  async function meddle(merchant: Merchant, paymentId: string): Promise<void> {
    const request = <T>(what: string, work: (gateway: Gateway) => Promise<T>) =>
      fleet.serve(`${what} ${paymentId}`, REQUEST_TIMEOUT_MS, work);
    if (chance.happens(climate.shop.syncs)) {
      await time.wait(chance.mostlyShort(SECOND, 30 * MINUTE));
      record.count('shop: syncs');
      await request('sync', (gateway) => gateway.syncPayment(merchant, paymentId));
    }
    if (chance.happens(climate.shop.closes)) {
      await time.wait(chance.mostlyShort(SECOND, 20 * MINUTE));
      record.count('shop: closes');
      await request('close', (gateway) => gateway.closePayment(merchant, paymentId));
    }
    if (chance.happens(0.2)) {
      await time.wait(chance.mostlyShort(MINUTE, 2 * HOUR));
      await request('fulfilment', (gateway) => gateway.markDelivered(merchant, paymentId));
    }
    if (chance.happens(0.05)) {
      await time.wait(chance.mostlyShort(MINUTE, 2 * DAY));
      const events = await request('events', (gateway) => gateway.getPayment(merchant, paymentId));
      const event = events.outcome === 'answered' && events.value.ok ? events.value.value.events[0] : undefined;
      if (event) await request('redeliver', (gateway) => gateway.redeliverEvent(merchant, event.id));
    }
  }

  return { open, paymentIds };
}

function aMerchant(id: string): Merchant {
  return {
    id,
    name: id,
    enabled: true,
    webhookUrl: null,
    webhookSecrets: [SECRET],
    channels: 'all',
    limits: { maxAmountMinor: null, perMinute: null },
  };
}
