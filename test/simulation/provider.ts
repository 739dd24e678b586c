import type { CreateRequest } from '../../src/channel/index.ts';
import { ABSENT, type Observation } from '../../src/payment/index.ts';
import type { News, ProviderKind, ProviderOrder } from './books.ts';
import { SECOND } from './climate.ts';
import { openRefundDesk, type RefundDesk } from './provider-refunds.ts';
import type { World } from './world.ts';

/** The truth about one account at one provider: its books decide what a buyer's money did. */
export interface Provider extends RefundDesk {
  readonly kind: ProviderKind;
  readonly account: string;
  readonly orders: ReadonlyMap<string, ProviderOrder>;
  /** Null: refused, for good. */
  take(request: CreateRequest): ProviderOrder | null;
  /** Whether a buyer could pay it now. */
  isPayable(order: ProviderOrder): boolean;
  /** The buyer opens it, and does or does not get through with the money. */
  scan(ref: string): void;
  pay(ref: string, minor?: number): boolean;
  decline(ref: string, isFinal: boolean): void;
  close(ref: string): Observation;
  believes(ref: string): Observation;
}

/** A provider with empty books. */
export function createProvider(world: World, kind: ProviderKind, news: News): Provider {
  const { record, climate } = world;
  const chance = world.chance(`books of ${kind.id}`);
  const account = `account-of-${kind.id}`;
  const orders = new Map<string, ProviderOrder>();
  let trades = 0;

  function take(request: CreateRequest): ProviderOrder | null {
    const known = orders.get(request.providerRef);
    if (known) return known;
    const expiresAt = Math.max(request.expiresAt, world.wallMs() + kind.lifeMsMin);
    if (expiresAt <= world.wallMs()) return null;
    const isHidden = world.isStormy() && chance.happens(climate.orders.invisible);
    trades += 1;
    const order: ProviderOrder = {
      ref: request.providerRef,
      paymentId: `pay_${request.providerRef.slice(0, 26)}`,
      amountMinor: request.amount.minor,
      callbackUrl: request.callbackUrl,
      expiresAt,
      visibleFrom: world.wallMs() + (isHidden ? chance.int(100, 4 * SECOND) : 0),
      state: kind.absence === 'until_expiry' ? 'unseen' : 'open',
      tradeNo: `${kind.id}-${trades}`,
      ...{ paidMinor: 0, paidAt: null, declines: 0, refunds: new Map() },
    };
    orders.set(order.ref, order);
    record.note(order.paymentId, `${kind.id} takes ${order.ref.slice(26)}`);
    if (isHidden) record.count('order: invisible for a moment');
    news.taken(order);
    return order;
  }

  /** The order as it is now, if this provider knows it. */
  function known(ref: string): ProviderOrder | undefined {
    const order = orders.get(ref);
    if (!order || order.state === 'unseen' || world.wallMs() < order.visibleFrom) return undefined;
    if (order.state === 'open' && world.wallMs() >= order.expiresAt) order.state = 'closed';
    return order;
  }

  const isPayable = (order: ProviderOrder): boolean =>
    (order.state === 'open' || order.state === 'unseen') && world.wallMs() < order.expiresAt;

  function scan(ref: string): void {
    const order = orders.get(ref);
    if (order?.state !== 'unseen' || !isPayable(order)) return;
    order.state = 'open';
    record.note(order.paymentId, `buyer opens ${ref.slice(26)} at ${kind.id}`);
  }

  function pay(ref: string, minor?: number): boolean {
    scan(ref);
    const order = orders.get(ref);
    if (!order || !isPayable(order)) return false;
    order.state = 'paid';
    order.paidMinor = kind.takesOtherAmounts ? (minor ?? order.amountMinor) : order.amountMinor;
    order.paidAt = world.wallMs();
    record.note(order.paymentId, `buyer pays ${order.paidMinor} for ${ref.slice(26)} at ${kind.id}`);
    record.count('orders paid');
    news.order(order, observationOf(order));
    return true;
  }

  function decline(ref: string, isFinal: boolean): void {
    scan(ref);
    const order = orders.get(ref);
    if (!order || !isPayable(order)) return;
    order.declines += 1;
    if (isFinal) order.state = 'failed';
    record.note(order.paymentId, `buyer is declined for ${ref.slice(26)}${isFinal ? ', for good' : ''}`);
    record.count('orders declined');
    news.order(order, observationOf(order));
  }

  function close(ref: string): Observation {
    const order = known(ref);
    if (!order) return ABSENT;
    if (order.state === 'open') {
      order.state = 'closed';
      record.note(order.paymentId, `${kind.id} closes ${ref.slice(26)}`);
      if (chance.happens(0.3)) news.order(order, observationOf(order));
    }
    return observationOf(order);
  }

  function observationOf(order: ProviderOrder): Observation {
    const { state, paidMinor, paidAt, declines, tradeNo } = order;
    const isPaid = state === 'paid';
    return {
      state: isPaid ? 'succeeded' : state === 'unseen' ? 'absent' : state,
      account,
      amount: { minor: isPaid ? paidMinor : order.amountMinor, currency: 'CNY' },
      channelTradeNo: isPaid || kind.namesTradeAtCreate ? tradeNo : null,
      paidAt,
      error: declines > 0 && !isPaid ? { kind: 'DECLINED', providerCode: `declined_${declines}` } : null,
    };
  }

  return {
    ...{ kind, account, orders, take, isPayable, scan, pay, decline, close },
    ...openRefundDesk(world, { kind, account, orders, news }),
    believes: (ref) => {
      const order = known(ref);
      return order ? observationOf(order) : ABSENT;
    },
  };
}
