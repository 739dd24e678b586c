import { expect } from 'vitest';
import type {
  ChannelAdapter,
  ChannelError,
  CreateRequest,
  OrderRef,
  RawCallback,
  RefundRef,
  RefundRequest,
} from '../../src/channel/index.ts';
import { type RefundObservation, type Result, refundRefOf } from '../../src/payment/index.ts';
import { type ChannelStage, PATIENCE_MS, type Placed, patience } from './channel-stage.ts';
import type { ChannelSubject, CreateCase } from './channel-subject.ts';

/** Some providers want this long between two refunds of one order. */
const BETWEEN_REFUNDS_MS = 61_000;

/** An order that its buyer has paid, with the trade number that a payment then knows. */
export async function aPaidOrder(stage: ChannelStage, wish = aCase(stage.subject)): Promise<Placed> {
  const placed = await stage.place(wish);
  await stage.pay(placed);
  const seen = await stage.adapter.query(placed.order, patience());
  if (!seen.ok) throw new Error(`the paid order was not found: ${JSON.stringify(seen.error)}`);
  return { ...placed, order: { ...placed.order, channelTradeNo: seen.value.channelTradeNo } };
}

/** The way to pay that most scenarios use: the first one of the subject. */
export function aCase({ creates }: ChannelSubject): CreateCase {
  const [first] = creates;
  if (first === undefined || first.amount.minor < 100) throw new Error('the first create has to be worth 100 at least');
  return first;
}

/** The refund with this number of ours; by default all that the order was asked for. */
export function aRefund(
  { order, request }: { readonly order: OrderRef; readonly request: Pick<CreateRequest, 'callbackUrl'> },
  set: { readonly seq?: number; readonly minor?: number } = {},
): RefundRequest {
  return {
    order,
    refundRef: refundRefOf(order.providerRef, set.seq ?? 1),
    amount: { ...order.amount, minor: set.minor ?? order.amount.minor },
    channelRefundNo: null,
    reason: '退款 50% & more',
    callbackUrl: request.callbackUrl,
  };
}

/** Sends a refund that has to be taken. */
export async function send(stage: ChannelStage, request: RefundRequest): Promise<RefundObservation> {
  return taken(await stage.adapter.refund(request, patience()), 'the refund');
}

export async function ask(stage: ChannelStage, refund: RefundRef): Promise<RefundObservation> {
  return taken(await stage.adapter.queryRefund(refund, patience()), 'the query of the refund');
}

/** What a query says once the provider has decided. */
export async function decided(stage: ChannelStage, refund: RefundRef): Promise<RefundObservation> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    const seen = await ask(stage, refund);
    if (seen.state !== 'pending') return seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the provider has not decided the refund');
}

/** The provider decides a refund that it has left pending. */
export async function settle(stage: ChannelStage, refund: RefundRef, outcome: 'succeeded' | 'failed'): Promise<void> {
  const settled = await stage.host.control.settleRefund('one', { refundNo: refund.refundRef, outcome });
  if (!settled.ok) throw new Error(`the refund could not be decided: ${settled.error.detail}`);
}

/** Which ends of a refund the provider calls back for. */
export function calledBack({ refunds }: ChannelSubject): readonly ('succeeded' | 'failed')[] {
  return refunds?.calledBack ?? ['succeeded', 'failed'];
}

/** Waits for a callback that says so of this refund, by the words of `one`'s adapter or of the given one. */
export function refundCallback(
  stage: ChannelStage,
  { refundRef }: RefundRef,
  state: RefundObservation['state'],
  reader?: ChannelAdapter,
): Promise<RawCallback> {
  return stage.callbackWith(
    (notice) => notice.kind === 'refund' && notice.refundRef === refundRef && notice.observation.state === state,
    reader,
  );
}

/** How much of an order's money has gone back or is going back, by the provider's books. */
export function movedMinor(stage: ChannelStage, { request }: Placed): number {
  const refunds = stage.book(request.providerRef)?.refunds ?? expect.fail('no such order');
  return refunds.filter(({ status }) => status !== 'failed').reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** Waits, on the clock of adapter and simulator, until the next refund of the same order may be sent. */
export function waitBetweenRefunds(stage: ChannelStage): void {
  stage.shiftClock(stage.now() - Date.now() + BETWEEN_REFUNDS_MS);
}

function taken<T>(result: Result<T, ChannelError>, what: string): T {
  if (!result.ok) throw new Error(`${what} failed: ${JSON.stringify(result.error)}`);
  return result.value;
}
