import type { Notice, RawCallback } from '../../src/channel/index.ts';
import type { News, ProviderKind, ProviderOrder } from './books.ts';
import { HOUR, MINUTE, SECOND } from './climate.ts';
import type { Fleet } from './fleet.ts';
import type { Witness } from './witness.ts';
import type { World } from './world.ts';

/** Providers repeat a message until it is acknowledged, but not for ever. */
const REPEATS_MS = [15 * SECOND, MINUTE, 4 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR];
/** What must not get lost is repeated so often after that, every six hours. */
const SURE_REPEATS = 60;

/** A provider's message on its way to us. */
interface Message {
  readonly paymentId: string;
  readonly token: string | null;
  readonly notices: readonly Notice[];
  /** It gets there in the end, because nothing else would tell us. */
  readonly isSure: boolean;
  /** It never arrives, however often it is sent. */
  readonly isLost: boolean;
  /** It comes so late that nobody should still need it. */
  readonly heldBackMs: number;
  isAcknowledged: boolean;
}

export interface Courier {
  newsOf(kind: ProviderKind): News;
  /** Somebody who is not the provider says that an order was paid. */
  forge(kind: ProviderKind, order: ProviderOrder): void;
}

/** Carries the messages of all providers to whatever process answers, and loses, delays, doubles and reorders them. */
export function createCourier(world: World, fleet: Fleet, witness: Witness): Courier {
  const { time, record, climate } = world;
  const chance = world.chance('courier');
  // Under a clock that is ahead the gateway stops asking too early; then only a message can tell.
  const mustArrive = climate.clockSteps > 0;
  const latest = new Map<ProviderKind, Notice>();

  function post(kind: ProviderKind, message: Message): void {
    const isDelayed = world.isStormy() && chance.happens(climate.callbacks.delayed);
    if (isDelayed) record.count('callback: delayed');
    const delayMs = isDelayed ? chance.mostlyShort(SECOND, HOUR) : chance.mostlyShort(20, 2 * SECOND);
    send(kind, message, 0, message.heldBackMs + delayMs);
    if (!world.isStormy() || !chance.happens(climate.callbacks.doubled)) return;
    record.count('callback: doubled');
    send(kind, message, REPEATS_MS.length, message.heldBackMs + chance.mostlyShort(0, 10 * MINUTE));
  }

  function send(kind: ProviderKind, message: Message, tries: number, delayMs: number): void {
    time.after(delayMs, () => {
      world.begin(async () => {
        if (message.isAcknowledged && tries < REPEATS_MS.length) return;
        const isDropped = !(await deliver(kind, message));
        if (message.isAcknowledged) return;
        if (isDropped) record.count('callback: dropped');
        const next = REPEATS_MS[tries] ?? (message.isSure ? 6 * HOUR : null);
        if (next !== null && tries < SURE_REPEATS) send(kind, message, tries + 1, next);
      });
    });
  }

  /** False when it got lost on its way. */
  async function deliver(kind: ProviderKind, message: Message): Promise<boolean> {
    if (message.isLost || (world.isStormy() && chance.happens(climate.callbacks.dropped))) return false;
    const raw = rawOf(world, message.notices, 'genuine');
    const { paymentId, token, notices } = message;
    record.count('callbacks delivered');
    const served = await fleet.serve(`callback ${paymentId}`, 5 * SECOND, async (gateway) => {
      const answer = await gateway.receiveCallback(kind.id, token, raw);
      if (answer.body === 'SUCCESS') witness.acknowledged(notices);
      return answer;
    });
    const answer = served.outcome === 'answered' ? served.value.body : served.outcome;
    record.note(paymentId, `callback ${notices.map(({ observation }) => observation.state).join(', ')}: ${answer}`);
    if (answer === 'SUCCESS') message.isAcknowledged = true;
    return true;
  }

  function messageOf(kind: ProviderKind, order: ProviderOrder, notice: Notice, isSure: boolean): Message {
    const isLost = !isSure && world.isStormy() && chance.happens(climate.callbacks.allDropped);
    return {
      paymentId: order.paymentId,
      token: kind.callbackUrl === 'per_request' ? tokenOf(order) : null,
      notices: [notice, ...alongside(kind, notice)],
      isSure: isSure || mustArrive,
      isLost: isLost && !mustArrive,
      heldBackMs: isLost && mustArrive ? chance.int(HOUR, 3 * HOUR) : 0,
      isAcknowledged: false,
    };
  }

  /** Some providers put several statements into one message; here an earlier one comes again with the next. */
  function alongside(kind: ProviderKind, notice: Notice): readonly Notice[] {
    if (kind.callbackUrl !== 'per_account') return [];
    const earlier = latest.get(kind);
    latest.set(kind, notice);
    if (earlier === undefined || !chance.happens(0.1)) return [];
    record.count('callback: two in one');
    return [earlier];
  }

  function newsOf(kind: ProviderKind): News {
    return {
      taken: (order) => {
        if (world.isStormy() && chance.happens(climate.callbacks.forged)) forge(kind, order);
      },
      order: (order, observation) => {
        post(kind, messageOf(kind, order, { kind: 'order', providerRef: order.ref, observation }, false));
      },
      refund: ({ order, refundRef }, observation, isSure) => {
        const notice = { kind: 'refund' as const, providerRef: order.ref, refundRef, observation };
        post(kind, messageOf(kind, order, notice, isSure));
      },
    };
  }

  /** A message that must change nothing: without a signature, from a stranger's account, for another order, with another amount. */
  function forge(kind: ProviderKind, order: ProviderOrder): void {
    const how = chance.pick(['unsigned', 'foreign', 'other token', 'other amount']);
    const amount = { minor: order.amountMinor + (how === 'other amount' ? 7 : 0), currency: 'CNY' };
    const { ref: providerRef, tradeNo: channelTradeNo } = order;
    const account = `account-of-${kind.id}`;
    const observation = { state: 'succeeded' as const, account, amount, channelTradeNo, paidAt: null, error: null };
    const notices = [{ kind: 'order' as const, providerRef, observation }];
    const mark = how === 'unsigned' ? 'forged' : how === 'foreign' ? 'foreign' : 'genuine';
    const token = kind.callbackUrl === 'per_account' ? null : tokenOf(order);
    const raw = rawOf(world, notices, mark);
    record.count('callback: forged');
    time.after(chance.int(0, MINUTE), () =>
      world.begin(async () => {
        // Where there is no token, only the signature and the amount stand between a forger and us.
        if (how === 'other token' && token === null) return;
        const used = how === 'other token' ? `${token?.slice(0, -3)}AAA` : token;
        const served = await fleet.serve(`forged ${order.paymentId}`, 5 * SECOND, (gateway) =>
          gateway.receiveCallback(kind.id, used, raw),
        );
        const isBelieved = served.outcome === 'answered' && served.value.body === 'SUCCESS';
        record.must(!isBelieved, order.paymentId, `a forged message (${how}) was acknowledged`);
      }),
    );
  }

  return { newsOf, forge };
}

function tokenOf({ callbackUrl }: ProviderOrder): string {
  return callbackUrl.slice(callbackUrl.lastIndexOf('/') + 1);
}

function rawOf(world: World, notices: readonly Notice[], mark: string): RawCallback {
  return {
    method: 'POST',
    target: '/callbacks',
    headers: new Map([[mark, ['yes']]]),
    body: Buffer.from(JSON.stringify(notices)),
    receivedAt: world.wallMs(),
  };
}
