import type { Notice } from '../../src/channel/index.ts';
import {
  type Attempt,
  hasEnded,
  isUnresolved,
  type Payment,
  parseProviderRef,
  payableAttempt,
} from '../../src/payment/index.ts';
import type { ProviderOrder } from './books.ts';
import { MINUTE } from './climate.ts';
import type { Provider } from './provider.ts';
import type { World } from './world.ts';

/** The widest pause between two questions about an order that is being paid, with room for a queue. */
const KNOWN_WITHIN_MS = 8 * MINUTE;
/**
 * The same where no question fails; a lease of a process that has died may run out first, and each time that a clock is set back the
 * pause of 90 s begins anew, which may be twice within one.
 */
const PROMPT_MS = 5.5 * MINUTE;
/** Twice the widest pause between two tries to close an order, since a breaker may refuse one of them, with room for a queue. */
const CLOSED_WITHIN_MS = 21 * MINUTE;

/** Looks on while the world lives, and compares what the gateway does with the truth of that moment. */
export interface Witness {
  committed(before: Payment | null, after: Payment): void;
  /** A provider has been told that we have its message. */
  acknowledged(notices: readonly Notice[]): void;
  /** A shop or a buyer has been shown this payment; answers the order that it lets the buyer pay, when that was not known. */
  shown(payment: Payment): ProviderOrder | null;
  /** An event has arrived at its shop. */
  told(eventId: string, body: string): void;
  /** Everything has worked for a while: by now it must be known what was paid, and closed what must not be paid any more. */
  looksAround(): void;
  /** A provider has been asked to close an order. */
  closeAsked(ref: string): void;
  /** The events of each payment in the order in which they first arrived. */
  readonly order: ReadonlyMap<string, readonly string[]>;
}

/** `find` reads the store past all faults. */
export function createWitness(
  world: World,
  parts: {
    readonly find: (paymentId: string) => Payment | undefined;
    readonly providers: () => readonly Provider[];
    /** The gateway's clock has been ahead: it may take for dead what is not. */
    readonly clockWasAhead: () => boolean;
  },
): Witness {
  const { record } = world;
  const received = new Map<string, string>();
  const order = new Map<string, string[]>();
  const closesAsked = new Map<string, number>();
  const shownRefs = new Map<string, Set<string>>();

  const providerOf = (attempt: Attempt): Provider | undefined =>
    parts.providers().find(({ kind }) => kind.id === attempt.channelId);
  const orderOf = (attempt: Attempt): ProviderOrder | undefined => providerOf(attempt)?.orders.get(attempt.providerRef);

  function committed(before: Payment | null, after: Payment): void {
    record.count('commits');
    if (before === null) return;
    for (const broken of brokenSteps(before, after)) record.violated(after.id, broken);
    if (world.climate.temper === 'clock') checkPromptness(before, after);
  }

  /** Where only clocks are wrong, what a waiting buyer pays is known within minutes, whatever the clock shows. */
  function checkPromptness(before: Payment, after: Payment): void {
    const waiting = payableAttempt(before);
    if (!waiting || after.attempts[waiting.seq - 1]?.status !== 'succeeded') return;
    const paidAt = orderOf(waiting)?.paidAt ?? world.wallMs();
    const lateMs = world.wallMs() - paidAt;
    record.must(lateMs < PROMPT_MS, after.id, `${waiting.providerRef} was known ${lateMs / 1_000} s after it was paid`);
  }

  function acknowledged(notices: readonly Notice[]): void {
    for (const notice of notices) {
      const { providerRef } = notice;
      const ref = providerRef === null ? null : parseProviderRef(providerRef);
      const payment = ref ? parts.find(ref.paymentId) : undefined;
      const attempt = ref ? payment?.attempts[ref.attemptSeq - 1] : undefined;
      if (!payment || !attempt) {
        record.violated(providerRef ?? 'nobody', 'I3 acknowledged, and there is no such attempt');
        continue;
      }
      const { state } = notice.observation;
      if (notice.kind === 'order') {
        const isKnown =
          state === 'succeeded' ? attempt.status === 'succeeded' : state === 'open' || !isUnresolved(attempt);
        record.must(isKnown, payment.id, `I3 "${state}" was acknowledged while the store says ${attempt.status}`);
      } else {
        const refund = payment.refunds.find(({ refundRef }) => refundRef === notice.refundRef);
        const isKnown = state === 'pending' || (refund !== undefined && refund.status !== 'pending');
        record.must(
          isKnown,
          payment.id,
          `I3 refund "${state}" was acknowledged while the store says ${refund?.status}`,
        );
      }
    }
  }

  function shown(payment: Payment): ProviderOrder | null {
    const attempt = payableAttempt(payment);
    const now = attempt ? orderOf(attempt) : undefined;
    if (!attempt) return null;
    if (!now) {
      record.violated(payment.id, `a way to pay was shown that ${attempt.channelId} knows nothing of`);
      return null;
    }
    const refs = shownRefs.get(payment.id) ?? new Set<string>();
    shownRefs.set(payment.id, refs);
    for (const earlier of payment.attempts) {
      if (earlier.providerRef === now.ref || !refs.has(earlier.providerRef)) continue;
      const other = orderOf(earlier);
      const isLive = other !== undefined && (providerOf(earlier)?.isPayable(other) ?? false);
      record.must(
        !isLive || parts.clockWasAhead(),
        payment.id,
        `I7 ${now.ref} is shown while ${earlier.providerRef} can be paid`,
      );
    }
    const isNew = !refs.has(now.ref);
    refs.add(now.ref);
    return isNew ? now : null;
  }

  function told(eventId: string, body: string): void {
    const { type, data }: { readonly type: string; readonly data: { readonly id: string } } = JSON.parse(body);
    const payment = parts.find(data.id);
    const event = payment?.events.find(({ id }) => id === eventId);
    record.note(data.id, `shop hears ${type}`);
    record.must(event?.body === body, data.id, `I4 the shop got ${eventId}, which the store does not hold like this`);
    const earlier = received.get(eventId);
    record.must(earlier === undefined || earlier === body, data.id, `I4 ${eventId} arrived with two bodies`);
    if (earlier === undefined) {
      received.set(eventId, body);
      order.set(data.id, [...(order.get(data.id) ?? []), eventId]);
      record.count(`told: ${type}`);
    }
    if (payment) checkTruth(type, payment);
  }

  function checkTruth(type: string, payment: Payment): void {
    if (type === 'payment.succeeded') {
      const paid = payment.attempts.some(
        (a) => a.status === 'succeeded' && a.effect === 'effective' && orderOf(a)?.state === 'paid',
      );
      record.must(paid, payment.id, 'the shop was told of a success, and no provider holds the money');
    }
    if (type !== 'payment.closed' && type !== 'payment.failed') return;
    // Money of another amount ends a payment by itself; other ways to pay are closed after that.
    if (payment.statusReason === 'amount_mismatch') return;
    for (const attempt of payment.attempts) {
      const held = orderOf(attempt);
      // What nobody has opened cannot be closed, and dies by itself.
      if (!held || attempt.absence === 'until_expiry' || parts.clockWasAhead()) continue;
      if (looksOlder(payment, attempt, held)) continue;
      record.must(!providerOf(attempt)?.isPayable(held), payment.id, `${type} while ${held.ref} can be paid`);
    }
  }

  /** The clock was set forward during the order's life, which is the same to the gateway as a clock ahead: it seems expired. */
  function looksOlder(payment: Payment, attempt: Attempt, held: ProviderOrder): boolean {
    return payment.updatedAt - attempt.openedAt > world.wallMs() - held.visibleFrom + MINUTE;
  }

  function looksAround(): void {
    for (const provider of parts.providers()) {
      for (const held of provider.orders.values()) {
        const payment = parts.find(held.paymentId);
        const attempt = payment?.attempts.find(({ providerRef }) => providerRef === held.ref);
        if (!payment || !attempt) continue;
        if (held.state === 'paid' && held.paidAt !== null && held.paidAt < world.wallMs() - KNOWN_WITHIN_MS) {
          record.must(
            attempt.status !== 'open' || hasEnded(payment),
            payment.id,
            `${held.ref} was paid minutes ago, and nobody knows`,
          );
        }
        const { capabilities, absence } = provider.kind;
        const mustBeClosed = capabilities.includes('close') && absence === 'final' && !parts.clockWasAhead();
        if (!mustBeClosed || payableAttempt(payment) === attempt || !provider.isPayable(held)) continue;
        const askedMsAgo = world.wallMs() - (closesAsked.get(held.ref) ?? 0);
        record.must(
          askedMsAgo < CLOSED_WITHIN_MS,
          payment.id,
          `I7 ${held.ref}, ${attempt.status}, can be paid, and nobody closes it`,
        );
      }
    }
  }

  return {
    committed,
    acknowledged,
    shown,
    told,
    looksAround,
    closeAsked: (ref) => void closesAsked.set(ref, world.wallMs()),
    order,
  };
}

/** What no change of a payment may do, whatever caused it. */
function brokenSteps(before: Payment, after: Payment): string[] {
  const broken: string[] = [];
  const must = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  for (const [i, was] of before.attempts.entries()) {
    const is = after.attempts[i];
    const isBound =
      is?.providerRef === was.providerRef && is.channelId === was.channelId && is.callbackToken === was.callbackToken;
    must(isBound && is.amount === was.amount && is.account === was.account, `I12 attempt ${was.seq} was bound anew`);
    if (was.status !== 'succeeded' || !is) continue;
    const isSame =
      is.status === 'succeeded' && is.paidMinor === was.paidMinor && is.channelTradeNo === was.channelTradeNo;
    must(isSame, `money of attempt ${was.seq} was forgotten`);
    must(
      was.effect !== 'effective' || (is.status === 'succeeded' && is.effect === 'effective'),
      'I2 the success that counts has changed',
    );
  }
  for (const [i, was] of before.events.entries()) {
    const is = after.events[i];
    must(is?.id === was.id && is.body === was.body, `I4 event ${was.id} was changed`);
  }
  for (const [i, was] of before.refunds.entries()) {
    const is = after.refunds[i];
    must(is?.refundRef === was.refundRef && is.amountMinor === was.amountMinor, `refund ${was.id} was changed`);
  }
  for (const attempt of after.attempts) {
    if (attempt.status !== 'succeeded') continue;
    const going = after.refunds.filter((r) => r.attemptSeq === attempt.seq && r.status !== 'failed');
    const goingMinor = going.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    must(goingMinor <= attempt.paidMinor, `I6 ${goingMinor} of ${attempt.paidMinor} go back`);
  }
  const live = after.attempts.filter(({ status }) => status === 'creating' || status === 'open');
  must(live.length <= 1, 'I7 two ways to pay at once');
  must(
    after.events.every(({ body }) => body !== ''),
    'I4 an event was stored without its body',
  );
  const earliest = after.agenda.length === 0 ? null : Math.min(...after.agenda.map(({ at }) => at));
  must(after.nextDueAt === earliest, 'I8 the next due time is not that of the agenda');
  return broken;
}
