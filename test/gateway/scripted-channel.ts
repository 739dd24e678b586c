import {
  type ChannelAdapter,
  type ChannelError,
  type ChannelErrorKind,
  type CreateRequest,
  channelError,
  type Notice,
  type RawCallback,
} from '../../src/channel/index.ts';
import type { Channel } from '../../src/gateway/index.ts';
import {
  err,
  type Observation,
  ok,
  REFUND_ABSENT,
  type RefundObservation,
  type Result,
  type Scene,
} from '../../src/payment/index.ts';

export type Operation = 'create' | 'query' | 'capture' | 'close' | 'probe' | 'refund' | 'refund_query';

/** How a provider answers one call. `honest` does what a healthy provider would do, and gives its answer. */
export type Reply = <T>(
  honest: () => Result<T, ChannelError>,
  signal: AbortSignal,
) => Promise<Result<T, ChannelError>> | Result<T, ChannelError>;

/** The call certainly made no order. */
export const refuses =
  (kind: ChannelErrorKind, more: Parameters<typeof channelError>[2] = {}): Reply =>
  () =>
    err(channelError(kind, 'no', more));

/** The call took effect at the provider, and its answer got lost. */
export const losesItsAnswer: Reply = (honest) => {
  honest();
  return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'timeout' }));
};

/** The call never arrived, which nobody can know. */
export const isLost: Reply = () => err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'timeout' }));

/** No answer until the signal ends the call, as adapters have to. */
export const hangs: Reply = (_honest, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'))));
  });

export const throwsUp: Reply = () => {
  throw new Error('a bug of the adapter');
};

/** A call that goes on when the test says so, whatever its signal says. */
export function held(): { readonly reply: Reply; readonly begun: Promise<void>; release(reply?: Reply): void } {
  const begun = Promise.withResolvers<void>();
  const going = Promise.withResolvers<Reply>();
  return {
    reply: async (honest, signal) => {
      begun.resolve();
      return (await going.promise)(honest, signal);
    },
    begun: begun.promise,
    release: (reply = (honest) => honest()) => going.resolve(reply),
  };
}

export interface ProviderOrder {
  state: 'open' | 'approved' | 'succeeded' | 'closed' | 'failed';
  tradeNo: string;
  paidAt: number | null;
  paidMinor: number | null;
}

export interface ProviderRefund {
  readonly providerRef: string;
  state: 'pending' | 'succeeded' | 'failed';
  readonly amountMinor: number;
}

export interface ChannelSetup {
  readonly absence?: 'final' | 'until_expiry';
  readonly callbackUrl?: 'per_request' | 'per_account';
  readonly capabilities?: Channel['capabilities'];
  readonly offline?: boolean;
  /** Money moves by our capture only, and the provider closes nothing. */
  readonly captures?: boolean;
  readonly ipNeeded?: boolean;
  /** Fee in minor units; the cheapest channel is the first choice. By default as declared. */
  readonly fee?: number;
  readonly limits?: Partial<Channel['profile']['limits']>;
  /** Whatever else an admin may say of it. */
  readonly profile?: Partial<Channel['profile']>;
  readonly enabled?: boolean;
  readonly timeoutMs?: number;
  readonly queriesPerSecond?: number;
  readonly breaker?: Partial<Channel['breaker']>;
}

/** A test double of a channel: its books are a map, and each answer can be scripted. */
export interface ScriptedChannel {
  readonly channel: Channel;
  readonly orders: Map<string, ProviderOrder>;
  /** By our number; what a new refund becomes is said by `refundsBecome`. */
  readonly refunds: Map<string, ProviderRefund>;
  refundsBecome: ProviderRefund['state'];
  /** Orders that were asked for with effect: a buyer may open them. */
  readonly issued: ReadonlySet<string>;
  /** Every call in order. */
  readonly asked: { operation: Operation; providerRef: string }[];
  /** What creates were to make. */
  readonly wanted: CreateRequest[];
  /** Answers of the next calls, one each; afterwards it is honest again. */
  next(operation: Operation, ...replies: (Reply | Observation)[]): void;
  /** The answer of all calls from now on; null: honest again. */
  always(operation: Operation, reply: Reply | null): void;
  pays(providerRef: string, paidMinor?: number): ProviderOrder;
  /** The buyer agrees, where money moves by our capture. */
  approves(providerRef: string): void;
  /** The provider's message about an order, as it believes it to be unless `set` says otherwise. */
  notice(providerRef: string, set?: Partial<Observation>): RawCallback;
  /** The provider's message about a refund, as it believes it to be unless `set` says otherwise. */
  refundNotice(refundRef: string, set?: Partial<RefundObservation>): RawCallback;
  /** What reading a callback does; null: read it. */
  reading: ((signal: AbortSignal) => Promise<Result<readonly Notice[], 'malformed'>>) | null;
  count(operation: Operation): number;
}

const METHOD = 'alipay';

export function scriptChannel(id: string, setup: ChannelSetup, rank: number, now: () => number): ScriptedChannel {
  const account = `account-of-${id}`;
  const orders = new Map<string, ProviderOrder>();
  const refunds = new Map<string, ProviderRefund>();
  const issued = new Set<string>();
  const asked: ScriptedChannel['asked'] = [];
  const wanted: CreateRequest[] = [];
  const scripts = new Map<Operation, (Reply | Observation)[]>();
  const standing = new Map<Operation, Reply>();
  const absence = setup.absence ?? 'final';
  let amountMinor = 0;

  function believes(providerRef: string): Observation {
    const order = orders.get(providerRef);
    if (!order) return anObservation({ state: 'absent' });
    const amount = { minor: order.paidMinor ?? amountMinor, currency: 'CNY' };
    return { state: order.state, account, amount, channelTradeNo: order.tradeNo, paidAt: order.paidAt, error: null };
  }

  function believesRefund(refundRef: string): RefundObservation {
    const refund = refunds.get(refundRef);
    if (!refund) return REFUND_ABSENT;
    const amount = { minor: refund.amountMinor, currency: 'CNY' };
    const refundedAt = refund.state === 'succeeded' ? now() : null;
    return { state: refund.state, account, amount, channelRefundNo: `${id}/${refundRef}`, refundedAt, error: null };
  }

  function refundedOf(providerRef: string): number {
    const sent = [...refunds.values()].filter((r) => r.providerRef === providerRef && r.state !== 'failed');
    return sent.reduce((sum, r) => sum + r.amountMinor, 0);
  }

  function put(providerRef: string): ProviderOrder {
    const order = orders.get(providerRef) ?? {
      state: 'open',
      tradeNo: `${id}/${providerRef}`,
      paidAt: null,
      paidMinor: null,
    };
    orders.set(providerRef, order);
    return order;
  }

  function captured(providerRef: string): Observation {
    const order = put(providerRef);
    if (order.state === 'approved') Object.assign(order, { state: 'succeeded', paidAt: now() });
    return believes(providerRef);
  }

  async function answer<T>(
    operation: Operation,
    providerRef: string,
    signal: AbortSignal,
    honest: () => Result<T, ChannelError>,
    observed?: (observation: Observation) => Result<T, ChannelError>,
  ): Promise<Result<T, ChannelError>> {
    asked.push({ operation, providerRef });
    const scripted = scripts.get(operation)?.shift() ?? standing.get(operation);
    if (scripted === undefined) return honest();
    if (typeof scripted === 'function') return scripted(honest, signal);
    if (!observed) throw new Error(`${operation} is not answered by an observation`);
    return observed(scripted);
  }

  const adapter: ChannelAdapter = {
    account,
    absence,
    createsOffline: () => setup.offline ?? false,
    needsBuyerIp: (scene: Scene) => (setup.ipNeeded ?? false) && scene === 'wap',
    providerExpiresAt: (expiresAt) => expiresAt,
    create: (request, signal) => {
      wanted.push(request);
      amountMinor = request.amount.minor;
      return answer('create', request.providerRef, signal, () => {
        issued.add(request.providerRef);
        // Such a provider knows an order only once its buyer has opened it.
        if (absence === 'final') put(request.providerRef);
        return ok({ action: { type: 'qr_code', qrCode: `qr:${request.providerRef}` }, channelTradeNo: null });
      });
    },
    query: ({ providerRef }, signal) => answer('query', providerRef, signal, () => ok(believes(providerRef)), ok),
    close: ({ providerRef }, signal) =>
      answer(
        'close',
        providerRef,
        signal,
        () => {
          const order = orders.get(providerRef);
          const isUnpaid = order?.state === 'open' || order?.state === 'approved';
          if (setup.captures && isUnpaid) return ok({ ...believes(providerRef), state: 'closed' });
          if (order?.state === 'open') order.state = 'closed';
          return ok(believes(providerRef));
        },
        ok,
      ),
    ...(setup.captures
      ? {
          capture: ({ providerRef }, signal) =>
            answer('capture', providerRef, signal, () => ok(captured(providerRef)), ok),
        }
      : {}),
    refund: ({ order, refundRef, amount }, signal) =>
      answer('refund', refundRef, signal, () => {
        const paid = orders.get(order.providerRef);
        if (paid?.state !== 'succeeded') return err(channelError('NOT_FOUND', 'no'));
        const known = refunds.get(refundRef);
        if (!known && refundedOf(order.providerRef) + amount.minor > (paid.paidMinor ?? amountMinor)) {
          return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'too_much' }));
        }
        if (!known) {
          refunds.set(refundRef, {
            providerRef: order.providerRef,
            state: script.refundsBecome,
            amountMinor: amount.minor,
          });
        }
        return ok(believesRefund(refundRef));
      }),
    queryRefund: ({ refundRef }, signal) =>
      answer('refund_query', refundRef, signal, () => ok(believesRefund(refundRef))),
    async parseCallback(raw, signal) {
      if (script.reading) return script.reading(signal);
      if (!raw.headers.has('genuine')) return err('bad_signature');
      return ok(JSON.parse(Buffer.from(raw.body).toString()));
    },
    acknowledge: ({ kind }) =>
      kind === 'refused'
        ? { status: 400, contentType: 'text/plain', body: 'FAIL' }
        : { status: 200, contentType: 'text/plain', body: 'SUCCESS' },
    probe: (signal) => answer('probe', '', signal, () => ok(undefined)),
    dispose: async () => {},
  };

  const timeoutMs = setup.timeoutMs ?? 400;
  const script: ScriptedChannel = {
    orders,
    refunds,
    refundsBecome: 'succeeded',
    issued,
    asked,
    wanted,
    reading: null,
    channel: {
      id,
      providerId: 'scripted',
      mode: 'sandbox',
      capabilities: setup.capabilities ?? ['close', 'refund', 'partial_refund'],
      callbackUrl: setup.callbackUrl ?? 'per_request',
      adapter,
      profile: {
        id,
        enabled: setup.enabled ?? true,
        weight: 100,
        methods: [METHOD],
        currencies: ['CNY'],
        scenes: ['qr', 'redirect', 'wap'],
        fee: { ratePpm: 0, fixedMinor: setup.fee ?? rank, minMinor: 0, maxMinor: null },
        limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null, ...setup.limits },
        settlementDelayMs: 0,
        ...setup.profile,
      },
      queriesPerSecond: setup.queriesPerSecond ?? 1_000,
      timeouts: { createMs: timeoutMs, queryMs: timeoutMs, refundMs: timeoutMs },
      breaker: { failureRate: 1, minRequests: 1_000, windowMs: 10_000, openForMs: 1_000, ...setup.breaker },
    },
    next: (operation, ...replies) => {
      scripts.set(operation, [...(scripts.get(operation) ?? []), ...replies]);
    },
    always: (operation, reply) => {
      if (reply) standing.set(operation, reply);
      else standing.delete(operation);
    },
    pays: (providerRef, paidMinor) => {
      const order = put(providerRef);
      if (order.state !== 'open') throw new Error(`${providerRef} cannot be paid, it is ${order.state}`);
      order.state = 'succeeded';
      order.paidAt = now();
      order.paidMinor = paidMinor ?? null;
      return order;
    },
    approves: (providerRef) => {
      put(providerRef).state = 'approved';
    },
    notice: (providerRef, set = {}) =>
      aCallback([{ kind: 'order', providerRef, observation: { ...believes(providerRef), ...set } }]),
    refundNotice: (refundRef, set = {}) =>
      aCallback([
        {
          kind: 'refund',
          providerRef: refunds.get(refundRef)?.providerRef ?? null,
          refundRef,
          observation: { ...believesRefund(refundRef), ...set },
        },
      ]),
    count: (operation) => asked.filter((call) => call.operation === operation).length,
  };
  return script;
}

export function anObservation(set: Partial<Observation> = {}): Observation {
  return { state: 'open', account: null, amount: null, channelTradeNo: null, paidAt: null, error: null, ...set };
}

/** Several statements in one message, as some providers send them. */
export function aCallback(notices: readonly Notice[], genuine = true): RawCallback {
  return {
    method: 'POST',
    target: '/callbacks',
    headers: new Map(genuine ? [['genuine', ['yes']]] : []),
    body: Buffer.from(JSON.stringify(notices)),
    receivedAt: 0,
  };
}
