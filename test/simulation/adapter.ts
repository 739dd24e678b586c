import {
  type ChannelAdapter,
  type ChannelError,
  type ChannelErrorKind,
  channelError,
  type Notice,
} from '../../src/channel/index.ts';
import type { Channel } from '../../src/gateway/index.ts';
import { err, type Observation, ok, type RefundObservation, type Result } from '../../src/payment/index.ts';
import type { ProviderOrder } from './books.ts';
import { type CallFault, MINUTE, SECOND } from './climate.ts';
import type { Life } from './life.ts';
import type { Provider } from './provider.ts';
import type { RefundRefusal } from './provider-refunds.ts';
import type { World } from './world.ts';

/** The line to one provider, the same for all processes. */
export interface Line {
  isDown(): boolean;
  /** A request of ours that concerns this order. */
  asked(ref: string, operation: string): void;
  /** An order was taken, and we were not told how it can be paid. */
  answerLost(order: ProviderOrder): void;
}

const TIMEOUT = channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'timeout' });
const SERVER_ERROR = channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: 'http_503' });

const REFUSED_AS: Readonly<Record<RefundRefusal, ChannelErrorKind>> = {
  not_found: 'NOT_FOUND',
  too_much: 'INVALID_REQUEST',
  not_whole: 'INVALID_REQUEST',
  empty_balance: 'INSUFFICIENT_BALANCE',
  refused: 'DECLINED',
};

/** A channel as one process has it loaded: its adapter speaks to the provider over a line where everything can go wrong. */
export function connectChannel(parts: {
  readonly world: World;
  readonly provider: Provider;
  readonly life: Life;
  readonly line: Line;
}): Channel {
  const { world, provider, life, line } = parts;
  const { time, record, climate } = world;
  const { kind } = provider;
  const chance = world.chance(`line to ${kind.id}`);

  function drawFault(): CallFault | 'honest' {
    if (line.isDown()) return chance.happens(0.5) ? 'unreachable' : 'lost';
    if (!world.isStormy()) return 'honest';
    const total = Object.values(climate.calls).reduce((sum, share) => sum + share, 0);
    return chance.weighted({ ...climate.calls, honest: Math.max(0.2, 1 - total) });
  }

  /** `unclear` is what a word that nobody knows amounts to; null where that is an error. */
  function exchange<T>(
    subject: { readonly operation: string; readonly ref: string },
    signal: AbortSignal,
    act: () => Result<T, ChannelError>,
    unclear: T | null = null,
  ): Promise<Result<T, ChannelError>> {
    const { operation, ref } = subject;
    const paymentId = `pay_${ref.slice(0, 26)}`;
    const fault = drawFault();
    line.asked(ref, operation);
    record.count('provider calls');
    if (fault !== 'honest') record.count(`call: ${fault}`);
    return new Promise((resolve) => {
      const end = (result: Result<T, ChannelError>): void => {
        record.note(paymentId, `${kind.id} ${operation}: ${fault}: ${wordOf(result)}`);
        resolve(result);
      };
      const travelMs = (): number => chance.mostlyShort(5, 200);
      const isDeaf = fault === 'late' && chance.happens(0.5);
      if (!isDeaf && signal.aborted) {
        end(err(TIMEOUT));
        return;
      }
      if (!isDeaf) signal.addEventListener('abort', () => end(err(TIMEOUT)), { once: true });
      const answer = (result: Result<T, ChannelError>, delayMs = travelMs()): void =>
        time.after(delayMs, () => end(result));
      const thenActing = (delayMs: number, then: (result: Result<T, ChannelError>) => void): void =>
        time.after(delayMs, () => then(act()));
      switch (fault) {
        case 'honest':
          return thenActing(travelMs(), answer);
        case 'slow':
          return thenActing(chance.int(500, 5 * SECOND), answer);
        case 'late':
          return thenActing(travelMs(), (result) => answer(result, chance.int(2 * SECOND, 20 * SECOND)));
        case 'acted, no answer':
          return thenActing(travelMs(), () => {});
        case 'acted, server error':
          return thenActing(travelMs(), () => answer(err(SERVER_ERROR)));
        case 'unknown word':
          return thenActing(travelMs(), () => answer(unclear === null ? err(maybe('unmapped_code')) : ok(unclear)));
        case 'forged answer':
          return thenActing(travelMs(), () => answer(err(maybe('forged_response'))));
        case 'server error':
          return answer(err(SERVER_ERROR));
        case 'unreachable':
          return answer(err(channelError('CHANNEL_UNAVAILABLE', 'no')));
        case 'rate limited':
          return answer(err(channelError('RATE_LIMITED', 'no')));
        case 'misconfigured':
          return answer(err(channelError('AUTH_MISCONFIGURED', 'no')));
        default:
          return; // lost: only our own time-out ends it
      }
    });
  }

  const create: ChannelAdapter['create'] = (request, signal) => {
    const refusal = chance.happens(world.isStormy() ? climate.orders.refused : 0)
      ? chance.pick<ChannelErrorKind>(['DECLINED', 'INVALID_REQUEST', 'RISK_REJECTED', 'CHANNEL_UNAVAILABLE'])
      : null;
    let taken: ProviderOrder | null = null;
    const act = () => {
      if (refusal !== null) {
        record.count('order: refused');
        return err(channelError(refusal, 'no', { providerCode: 'refused' }));
      }
      taken = provider.take(request);
      if (taken === null) return err(channelError('INVALID_REQUEST', 'no', { providerCode: 'expired' }));
      const place = `${kind.id}:${request.providerRef}`;
      const action =
        request.scene === 'redirect'
          ? { type: 'redirect' as const, url: `https://${kind.id}.example/${place}` }
          : { type: 'qr_code' as const, qrCode: place };
      return ok({ action, channelTradeNo: kind.namesTradeAtCreate ? taken.tradeNo : null });
    };
    if (kind.offlineScenes.includes(request.scene)) return Promise.resolve(act());
    return life.through(
      () =>
        exchange({ operation: 'create', ref: request.providerRef }, signal, act).then((result) => {
          if (taken !== null && (!result.ok || life.isOver())) line.answerLost(taken);
          return result;
        }),
      'create',
    );
  };

  const adapter: ChannelAdapter = {
    account: provider.account,
    absence: kind.absence,
    createsOffline: (scene) => kind.offlineScenes.includes(scene),
    needsBuyerIp: () => false,
    providerExpiresAt: (expiresAt, now) => Math.max(expiresAt, now + kind.lifeMsMin),
    create,
    query: ({ providerRef }, signal) =>
      life.through(() =>
        exchange({ operation: 'query', ref: providerRef }, signal, () => ok(provider.believes(providerRef)), UNCLEAR),
      ),
    close: ({ providerRef }, signal) =>
      life.through(() =>
        exchange({ operation: 'close', ref: providerRef }, signal, () => ok(provider.close(providerRef)), UNCLEAR),
      ),
    refund: ({ order: { providerRef: ref }, refundRef, amount }, signal) =>
      life.through(() =>
        exchange({ operation: 'refund', ref }, signal, () => {
          const said = provider.refund({ ref, refundRef, amountMinor: amount.minor });
          if (typeof said !== 'string') return ok(said);
          return err(channelError(REFUSED_AS[said], 'no', { providerCode: said }));
        }),
      ),
    queryRefund: ({ order: { providerRef: ref }, refundRef }, signal) =>
      life.through(() =>
        exchange(
          { operation: 'refund query', ref },
          signal,
          () => ok(provider.believesRefund(ref, refundRef)),
          UNCLEAR_REFUND,
        ),
      ),
    async parseCallback({ headers, body }) {
      if (headers.has('foreign')) return err('foreign_account');
      if (!headers.has('genuine')) return err('bad_signature');
      return ok(noticesIn(body));
    },
    acknowledge: ({ kind: outcome }) =>
      outcome === 'refused'
        ? { status: 400, contentType: 'text/plain', body: 'FAIL' }
        : { status: 200, contentType: 'text/plain', body: 'SUCCESS' },
    probe: (signal) => life.through(() => exchange({ operation: 'probe', ref: kind.id }, signal, () => ok(undefined))),
    dispose: async () => {},
  };

  return {
    ...{ id: kind.id, providerId: 'simulated', mode: 'sandbox', callbackUrl: kind.callbackUrl, adapter },
    capabilities: kind.capabilities,
    profile: {
      ...{ id: kind.id, enabled: true, weight: 100, methods: ['any'], currencies: ['CNY'] },
      scenes: ['qr', 'redirect'],
      fee: { ratePpm: 0, fixedMinor: kind.feeMinor, minMinor: 0, maxMinor: null },
      limits: { minMinor: 1, maxMinor: null, dailyMinor: null, perMinute: null },
      settlementDelayMs: 0,
    },
    timeouts: { createMs: 3 * SECOND, queryMs: 3 * SECOND, refundMs: 5 * SECOND },
    breaker: { failureRate: 0.5, minRequests: 10, windowMs: MINUTE / 6, openForMs: 15 * SECOND },
    queriesPerSecond: climate.queriesPerSecond,
  };
}

const NOTHING = { account: null, amount: null, error: null } as const;
const UNCLEAR: Observation = { ...NOTHING, state: 'unclear', channelTradeNo: null, paidAt: null };
const UNCLEAR_REFUND: RefundObservation = { ...NOTHING, state: 'unclear', channelRefundNo: null, refundedAt: null };

/** What a message says, before anybody has asked whether it is genuine. */
export function noticesIn(body: Uint8Array): readonly Notice[] {
  return JSON.parse(Buffer.from(body).toString('utf8'));
}

function maybe(reason: 'unmapped_code' | 'forged_response'): ChannelError {
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason });
}

function wordOf<T>(result: Result<T, ChannelError>): string {
  if (!result.ok) return `${result.error.kind}${result.error.created === 'maybe' ? '?' : ''}`;
  const { value } = result;
  return typeof value === 'object' && value !== null && 'state' in value ? String(value.state) : 'ok';
}
