import { err, isAmountMinor, ok, parseProviderRef, type Result } from '../../payment/index.ts';
import { openCashier } from './buyer.ts';
import type { SandboxChannel } from './channel.ts';
import type { CallbackDelivery, Faults, Order } from './contract.ts';
import { type FaultsPatch, NO_FAULTS } from './faults.ts';

/** Why a control call did nothing. `status` is its HTTP status. */
export interface ControlRefusal {
  readonly status: 400 | 404 | 409;
  readonly detail: string;
}

/** What a test, a demo or a bench may ask of the sandbox; the HTTP control API of `api.md` calls these same functions. */
export interface SandboxControl {
  /** The buyer pays; answers when the provider's books say so. The callback is then on its way. */
  pay(
    channelId: string,
    order: { readonly providerRef: string; readonly amountMinor?: number; readonly delivery?: CallbackDelivery },
  ): Promise<Result<Order, ControlRefusal>>;
  /** The buyer's try is declined, as the provider does it. */
  fail(channelId: string, order: { readonly providerRef: string }): Promise<Result<Order, ControlRefusal>>;
  /**
   * The provider decides a refund that is pending in its books; `refundNo` is our number of it. Answers the order that the
   * refund belongs to when the books say so; the callback, where this provider has one, is then on its way.
   */
  settleRefund(
    channelId: string,
    refund: { readonly refundNo: string; readonly outcome: 'succeeded' | 'failed' },
  ): Promise<Result<Order, ControlRefusal>>;
  /** Replaces the channel's faults: what is left out is off, `{}` clears all. Without a second argument it only tells. */
  faults(channelId: string, patch?: FaultsPatch): Result<Faults, ControlRefusal>;
  /** Sets what our account holds in a currency (null: by the books again), or whether it may ask. Answers what it holds. */
  balance(
    channelId: string,
    wish?: { readonly currency?: string; readonly amountMinor?: number | null; readonly granted?: boolean | null },
  ): Result<ReadonlyMap<string, number>, ControlRefusal>;
  /** What the provider believes, oldest first; an unknown providerRef gives an empty list. */
  orders(channelId: string, providerRef?: string): Result<readonly Order[], ControlRefusal>;
}

export interface ControlPorts {
  readonly channels: ReadonlyMap<string, SandboxChannel>;
  readonly now: () => number;
  readonly closing: AbortSignal;
}

export function openControl(ports: ControlPorts): SandboxControl {
  const alone = openTurnstile();
  const findChannel = (channelId: string): Result<SandboxChannel, ControlRefusal> => {
    const channel = ports.channels.get(channelId);
    return channel === undefined ? refused(404, `no channel ${channelId} in this sandbox`) : ok(channel);
  };

  const act = async (
    channelId: string,
    providerRef: string,
    what: (channel: SandboxChannel, order: Order) => Promise<void>,
  ): Promise<Result<Order, ControlRefusal>> => {
    const found = findChannel(channelId);
    if (!found.ok) return found;
    const channel = found.value;
    const order = channel.books.find(providerRef) ?? (await openAsBuyer(channel, providerRef, ports.closing));
    if (order === undefined) {
      return refused(404, "no buyer has opened this order; open the payment's action url first");
    }
    if (order.status !== 'open') return refused(409, `the order is ${order.status}`);
    if (order.expiresAt !== null && order.expiresAt <= ports.now()) return refused(409, 'the order has expired');
    if (!(await alone(`${channelId}/${providerRef}`, () => what(channel, order)))) {
      return refused(409, 'the buyer is paying this order at this moment');
    }
    return ok(channel.books.find(providerRef) ?? order);
  };

  return {
    async pay(channelId, { providerRef, amountMinor = null, delivery = { mode: 'send' } }) {
      if (amountMinor !== null && !isAmountMinor(amountMinor))
        return refused(400, 'amount: not an amount in minor units');
      return act(channelId, providerRef, ({ simulator }, order) => simulator.pay(order, { amountMinor, delivery }));
    },
    async fail(channelId, { providerRef }) {
      return act(channelId, providerRef, ({ simulator }, order) => simulator.fail(order));
    },
    async settleRefund(channelId, { refundNo, outcome }) {
      const found = findChannel(channelId);
      if (!found.ok) return found;
      const { books, simulator } = found.value;
      const order = books.findBy(({ refunds }) => refunds.some((refund) => refund.refundNo === refundNo));
      const refund = order?.refunds.find((candidate) => candidate.refundNo === refundNo);
      if (order === undefined || refund === undefined) return refused(404, 'the provider knows no such refund');
      if (refund.status !== 'pending') return refused(409, `the refund has ${refund.status}`);
      if (!(await alone(`${channelId}/${refundNo}`, () => simulator.settleRefund(order, refund, outcome)))) {
        return refused(409, 'the refund is being decided at this moment');
      }
      return ok(books.find(order.providerRef) ?? order);
    },
    faults(channelId, patch) {
      const channel = findChannel(channelId);
      if (!channel.ok) return channel;
      if (patch !== undefined) channel.value.setFaults(withoutGaps(patch));
      return ok(channel.value.faults());
    },
    balance(channelId, { currency = 'CNY', amountMinor, granted } = {}) {
      const channel = findChannel(channelId);
      if (!channel.ok) return channel;
      const { balance } = channel.value;
      if (amountMinor !== undefined) balance.set(currency, amountMinor);
      if (granted !== undefined) balance.grant(granted);
      return ok(balance.amounts());
    },
    orders(channelId, providerRef) {
      const channel = findChannel(channelId);
      if (!channel.ok) return channel;
      const { books } = channel.value;
      if (providerRef === undefined) return ok(books.all());
      const order = books.find(providerRef);
      return ok(order === undefined ? [] : [order]);
    },
  };
}

/** A simulator's work may take a while; nobody else may get in between. False: somebody is at it, and nothing was done. */
function openTurnstile(): (place: string, work: () => Promise<void>) => Promise<boolean> {
  const busy = new Set<string>();
  return async (place, work) => {
    if (busy.has(place)) return false;
    busy.add(place);
    try {
      await work();
    } finally {
      busy.delete(place);
    }
    return true;
  };
}

/** Some orders come to exist only when a buyer opens their page; the kit is that buyer, through the gateway's cashier. */
async function openAsBuyer(
  channel: SandboxChannel,
  providerRef: string,
  closing: AbortSignal,
): Promise<Order | undefined> {
  const ours = parseProviderRef(providerRef);
  if (ours === null || channel.simulator.visit === undefined) return undefined;
  const page = await openCashier(channel.publicUrl(), ours.paymentId, closing);
  if (page === null || !page.startsWith(`${channel.baseUrl()}/`)) return undefined;
  await channel.simulator.visit(page);
  return channel.books.find(providerRef);
}

function withoutGaps(patch: FaultsPatch): Faults {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return { ...NO_FAULTS, ...Object.fromEntries(given) };
}

function refused(status: ControlRefusal['status'], detail: string): Result<never, ControlRefusal> {
  return err({ status, detail });
}
