import { createMemoryEphemeral } from '../../src/ephemeral/index.ts';
import type { EphemeralState } from '../../src/ephemeral/port.ts';
import {
  type Channel,
  createGateway,
  type GatewaySettings,
  type Merchant,
  type RunningGateway,
  type SendWebhook,
} from '../../src/gateway/index.ts';
import { createBreakers, createStatistics } from '../../src/routing/index.ts';
import type { PaymentStore } from '../../src/store/port.ts';
import { connectChannel, type Line } from './adapter.ts';
import { HOUR, MINUTE, SECOND } from './climate.ts';
import { createLife, type Life } from './life.ts';
import type { Provider } from './provider.ts';
import { reportTo } from './reports.ts';
import { unreliableStore } from './unreliable-store.ts';
import { describe, MadeUpFault, type World } from './world.ts';

/** What a process is given, beside the world. */
export interface ProcessParts {
  readonly name: string;
  /** A store of one's own on what is stored, which ends all leases; or the one that replicas share. */
  readonly openStore: (isAlone: boolean) => PaymentStore;
  readonly providers: readonly { readonly provider: Provider; readonly line: Line }[];
  readonly merchants: readonly Merchant[];
  readonly sendWebhook: SendWebhook;
  readonly clockAheadMs: () => number;
  readonly storeIsDown: () => boolean;
  readonly onEnd: () => void;
}

/** One process of the gateway: the real one, on ports that can be cut off. */
export interface GatewayProcess {
  readonly name: string;
  readonly gateway: RunningGateway;
  /** Hands an answer of the gateway out, unless the process dies first: then none ever comes. */
  serve<T>(work: () => Promise<T>): Promise<T>;
  isBusy(): boolean;
  endAfter(steps: number): void;
  stall: Life['stall'];
  /** As on SIGTERM: finishes what is in hand. */
  stop(): Promise<void>;
}

/** Starts a process. When its life ends, what it has begun is never finished; only its timers are taken from it. */
export function startProcess(world: World, parts: ProcessParts): GatewayProcess {
  const { time, record, climate } = world;
  const { replicas, skewMsMax, ephemeralFails } = climate.processes;
  const isAlone = replicas === 1;
  const chance = world.chance(parts.name);
  const skewMs = chance.int(-skewMsMax, skewMsMax);
  const clock = { now: () => world.wallMs() + parts.clockAheadMs() + skewMs };
  let serving = 0;
  const life: Life = createLife(time, () => {
    time.after(0, () => {
      breakers.dispose();
      gateway.stop().catch(() => {});
    });
    parts.onEnd();
  });
  const store = unreliableStore(parts.openStore(isAlone), {
    ...{ world, life, isDown: parts.storeIsDown, diesWithProcess: isAlone },
  });
  const loaded = new Map<string, Channel>(
    parts.providers.map(({ provider, line }) => [provider.kind.id, connectChannel({ world, provider, life, line })]),
  );
  const breakerOf = (id: string) =>
    loaded.get(id)?.breaker ?? { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 };
  const breakers = createBreakers({ settingsOf: breakerOf });
  const merchants = new Map(parts.merchants.map((merchant) => [merchant.id, merchant]));
  const settings = settingsOf(world);
  const gateway = createGateway({
    ...{ store, breakers, clock, telemetry: reportTo(world, life), random: chance.next },
    ephemeral: shaky(
      createMemoryEphemeral({ now: clock.now }),
      () => world.isStormy() && chance.happens(ephemeralFails),
    ),
    channels: () => loaded,
    settings: () => settings,
    merchants: () => ({
      byId: (id) => merchants.get(id),
      bySecretKey: () => undefined,
      byEpayPid: () => undefined,
      epayMerchants: () => [],
    }),
    evidence: {
      append: ({ paymentId, kind, what, outcome }) => {
        if (!life.isOver() && kind === 'change')
          record.note(paymentId ?? 'nobody', `${parts.name}: ${what} -> ${outcome}`);
      },
      during: (_subject, work) => work(),
    },
    sealer: { seal: (plain) => `sealed:${plain}`, open: (sealed) => sealed.slice('sealed:'.length) },
    statistics: createStatistics({ settingsOf: breakerOf }),
    randomBytes: chance.bytes,
    epayKey: () => Promise.reject(new Error('no key here')),
    epayRecord: { request: () => {}, notice: () => {}, of: () => ({ requests: [], notices: [] }) },
    sendWebhook: (request, signal) => life.through(() => parts.sendWebhook(request, signal)),
    alone: isAlone,
    processId: parts.name,
  });
  gateway.start();

  return {
    name: parts.name,
    gateway,
    serve: async (work) => {
      serving += 1;
      try {
        return await life.through(work);
      } finally {
        serving -= 1;
      }
    },
    isBusy: () => serving > 0 || life.underWay() > 0,
    endAfter: life.endsAfter,
    stall: life.stall,
    stop: async () => {
      await gateway.stop().catch((thrown: unknown) => {
        if (!(thrown instanceof MadeUpFault)) record.violated(parts.name, `stop threw: ${describe(thrown)}`);
      });
      breakers.dispose();
    },
  };
}

/** Counters that are out of reach now and then. */
function shaky(state: EphemeralState, fails: () => boolean): EphemeralState {
  const orFail =
    <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      if (fails()) throw new MadeUpFault('ephemeral state is out of reach');
      return act(...given);
    };
  const { hit, add, addBegun, begin, total, drop, close } = state;
  return {
    ...{ hit: orFail(hit), add: orFail(add), addBegun: orFail(addBegun), begin: orFail(begin) },
    ...{ total: orFail(total), drop: orFail(drop), close },
  };
}

function settingsOf({ climate }: World): GatewaySettings {
  return {
    routing: {
      strategy: 'weights',
      weights: { success: 60, fee: 25, latency: 10, settlement: 5 },
      marginBps: 2_500,
      bandEdgesMinor: [2_000, 20_000],
      explorationShare: 0.1,
    },
    failover: { maxAttempts: 3, budgetMs: 8 * SECOND },
    policies: climate.policies,
    webhooks: {
      timeoutMs: 10 * SECOND,
      allowPrivateAddresses: false,
      concurrencyPerEndpoint: 8,
      pauseAfterMs: climate.shop.isDownForDays ? 2 * HOUR : 30 * MINUTE,
    },
    publicUrl: 'https://pay.example',
    allowHttpUrls: false,
    epayTypes: new Map(),
    balanceEveryMs: 300_000,
  };
}
