import type { Gateway, GatewayError, Merchant, RefundOrder, RefundResult } from '../../src/gateway/index.ts';
import { isPaid, type Payment, type Result } from '../../src/payment/index.ts';
import { DAY, MINUTE, SECOND } from './climate.ts';
import type { Fleet } from './fleet.ts';
import type { World } from './world.ts';

type Asked = Result<RefundResult, GatewayError>;

export interface RefundWishes {
  /** Sooner or later the shop wants money of this payment back. */
  arise(merchant: Merchant, paymentId: string): Promise<void>;
}

/** Shops that want money back: all, a part, too much, twice under one number, and many at once. */
export function createRefundWishes(world: World, fleet: Fleet): RefundWishes {
  const { time, record } = world;
  const chance = world.chance('refund wishes');
  const refundIds = new Map<string, string>();

  async function arise(merchant: Merchant, paymentId: string): Promise<void> {
    await time.wait(chance.happens(0.7) ? chance.mostlyShort(10 * SECOND, 30 * MINUTE) : chance.int(0, 2 * DAY));
    const payment = await look(merchant, paymentId);
    if (!payment || !isPaid(payment)) return;
    const how = chance.weighted({ all: 4, part: 3, 'too much': 1, 'twice the same': 2, 'twice another': 1, burst: 2 });
    record.count(`wish: ${how}`);
    const { minor } = payment.amount;
    const ask = (no: string, amountMinor: number | null) => insist(merchant, paymentId, aRefund(no, amountMinor));
    const part = chance.int(1, minor);
    switch (how) {
      case 'all':
        await ask('R1', null);
        return;
      case 'part':
        await ask('R1', part);
        await time.wait(chance.mostlyShort(SECOND, 30 * MINUTE));
        await ask('R2', chance.happens(0.5) ? null : Math.max(1, minor - part));
        return;
      case 'too much':
        await ask('R1', minor + 1);
        return;
      case 'twice the same':
        await Promise.all([ask('R1', part), ask('R1', part)]);
        return;
      case 'twice another':
        await ask('R1', part);
        await expectConflict(merchant, paymentId, aRefund('R1', minor === part ? 1 : minor));
        return;
      default:
        await Promise.all([1, 2, 3, 4].map((i) => ask(`R${i}`, Math.max(1, Math.floor(minor * 0.4)))));
    }
  }

  async function look(merchant: Merchant, paymentId: string): Promise<Payment | null> {
    const served = await fleet.serve('look', 10 * SECOND, (gateway) => gateway.getPayment(merchant, paymentId));
    return served.outcome === 'answered' && served.value.ok ? served.value.value : null;
  }

  /** Repeats the request until it is answered. */
  async function insist(merchant: Merchant, paymentId: string, order: RefundOrder): Promise<void> {
    for (let tries = 1; tries <= 5; tries += 1) {
      const served = await fleet.serve(`refund of ${paymentId}`, 30 * SECOND, requestOf(merchant, paymentId, order));
      if (served.outcome === 'answered') return notice(paymentId, order, served.value);
      await time.wait(chance.mostlyShort(SECOND, MINUTE));
    }
  }

  const requestOf = (merchant: Merchant, paymentId: string, order: RefundOrder) => (gateway: Gateway) =>
    gateway.refundPayment(
      merchant,
      paymentId,
      order,
      chance.happens(0.2) ? `key of ${paymentId} ${order.requestHash}` : null,
    );

  function notice(paymentId: string, { merchantRefundNo }: RefundOrder, asked: Asked): void {
    record.note(paymentId, `refund ${merchantRefundNo}: ${asked.ok ? asked.value.refund.status : asked.error.code}`);
    record.count(`refund asked: ${asked.ok ? 'taken' : asked.error.code}`);
    if (!asked.ok) {
      const isOdd = asked.error.code === 'internal' || asked.error.code === 'not_found';
      record.must(!isOdd, paymentId, `a refund was answered with ${asked.error.code}`);
      return;
    }
    const { refund } = asked.value;
    const key = `${paymentId} ${merchantRefundNo}`;
    const known = refundIds.get(key);
    record.must(known === undefined || known === refund.id, paymentId, `${merchantRefundNo} made two refunds`);
    refundIds.set(key, refund.id);
  }

  async function expectConflict(merchant: Merchant, paymentId: string, order: RefundOrder): Promise<void> {
    if (!refundIds.has(`${paymentId} ${order.merchantRefundNo}`)) return;
    const served = await fleet.serve('conflict', 30 * SECOND, (gateway) =>
      gateway.refundPayment(merchant, paymentId, { ...order, requestHash: 'another hash' }, null),
    );
    if (served.outcome !== 'answered') return;
    const code = served.value.ok ? 'taken' : served.value.error.code;
    // A channel that returns all or nothing refuses a part before anybody compares.
    const isRefused = code === 'idempotency_conflict' || code === 'invalid_state';
    record.must(isRefused, paymentId, `another refund under the same number was ${code}`);
  }

  return { arise };
}

function aRefund(merchantRefundNo: string, amountMinor: number | null): RefundOrder {
  return { merchantRefundNo, amountMinor, reason: null, requestHash: `hash of ${merchantRefundNo} ${amountMinor}` };
}
