import { Gauge, type Registry } from 'prom-client';
import type { Channel, ChannelBalances, DailyUse } from '../gateway/index.ts';
import { type Estimate, takesOrders } from '../routing/index.ts';
import type { PaymentStore } from '../store/port.ts';
import type { Metrics } from './metrics.ts';

/** What the gauges look at when somebody scrapes. */
export interface Observed {
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly breakerState: (channelId: string, operation: string) => 'closed' | 'half_open' | 'open';
  readonly estimate: (channel: Channel) => Estimate;
  readonly score: (channel: Channel) => number;
  readonly alertThresholds: () => ReadonlyMap<string, number>;
  /** Addresses of shops that are paused because they have long failed. */
  readonly pausedEndpoints: () => number;
  /** What providers say of our accounts; see the gateway's balance poller. */
  readonly balances: () => ChannelBalances;
  readonly dailyUse: () => Promise<readonly DailyUse[]>;
  readonly store: PaymentStore;
  readonly now: () => number;
}

const BREAKER_NUMBER = { closed: 0, half_open: 1, open: 2 } as const;
const GUARDED_OPERATIONS = ['create', 'query', 'close', 'refund'] as const;

/** Gauges that are read when somebody scrapes, so that nothing runs when nobody looks. */
export function addGauges({ registry }: Metrics, observed: Observed): void {
  addChannelGauges(registry, observed);
  addStoreGauges(registry, observed);
  addBalanceGauges(registry, observed);
  addLimitGauge(registry, observed);
  new Gauge({
    name: 'switchyard_webhook_endpoints_paused',
    help: 'Addresses of shops that get no events because they have long failed.',
    registers: [registry],
    collect() {
      this.set(observed.pausedEndpoints());
    },
  });
  new Gauge({
    name: 'switchyard_alert_threshold',
    help: 'The configured thresholds, for the alert rules to compare with.',
    labelNames: ['alert'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [alert, value] of observed.alertThresholds()) this.set({ alert }, value);
    },
  });
}

/** With Redis alone: where nothing is shared nothing is amiss. */
export function addSharedGauge({ registry }: Metrics, isUp: () => boolean): void {
  new Gauge({
    name: 'switchyard_shared_state_up',
    help: '1 while Redis answers; 0 while this replica counts and learns by itself.',
    registers: [registry],
    collect() {
      this.set(isUp() ? 1 : 0);
    },
  });
}

/** With MongoDB alone. */
export function addMongoGauges(
  { registry }: Metrics,
  pool: () => { readonly inUse: number; readonly waiting: number; readonly max: number },
): void {
  const gauge = (name: string, help: string, read: (state: ReturnType<typeof pool>) => number) =>
    new Gauge({
      name: `switchyard_mongo_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(pool()));
      },
    });
  gauge('connections_in_use', 'Connections to MongoDB that a command is under way on.', ({ inUse }) => inUse);
  gauge('connections_max', 'Connections to a server of MongoDB that this process opens at most.', ({ max }) => max);
  gauge('operations_waiting', 'Operations that wait for a connection to MongoDB.', ({ waiting }) => waiting);
}

/** With MongoDB or Redis alone. Absent rather than old, like a balance. */
export function addClockGauge({ registry }: Metrics, skews: () => ReadonlyMap<string, number>): void {
  new Gauge({
    name: 'switchyard_clock_skew_seconds',
    help: "This replica's clock less that of a server that all replicas share.",
    labelNames: ['against'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [against, skewMs] of skews()) this.set({ against }, skewMs / 1000);
    },
  });
}

/** With Redis alone. */
export function addReplicasGauge({ registry }: Metrics, count: () => number): void {
  new Gauge({
    name: 'switchyard_replicas',
    help: 'Replicas that share what routing learns, as this one hears of them, itself included.',
    registers: [registry],
    collect() {
      this.set(count());
    },
  });
}

/** With Redis alone. */
export function addConfigVariantsGauge({ registry }: Metrics, variants: () => number): void {
  new Gauge({
    name: 'switchyard_config_variants',
    help: 'Different configurations that replicas run by, as this one hears of them; 1: all run by the same.',
    registers: [registry],
    collect() {
      this.set(variants());
    },
  });
}

function addChannelGauges(registry: Registry, observed: Observed): void {
  const perChannel = (name: string, help: string, value: (channel: Channel) => number) =>
    new Gauge({
      name: `switchyard_${name}`,
      help,
      labelNames: ['channel'],
      registers: [registry],
      collect() {
        this.reset();
        for (const channel of observed.channels().values()) this.set({ channel: channel.id }, value(channel));
      },
    });
  new Gauge({
    name: 'switchyard_channel_info',
    help: 'Always 1, once per method that a channel takes; joins methods and providers to channels.',
    labelNames: ['channel', 'provider', 'mode', 'method'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { id: channel, providerId: provider, mode, profile } of observed.channels().values()) {
        for (const method of profile.methods) this.set({ channel, provider, mode, method }, 1);
      }
    },
  });
  perChannel('channel_weight', "The admin's weight of a channel.", (channel) => channel.profile.weight);
  perChannel(
    'channel_takes_orders',
    '1 while new orders may go to a channel; 0 when it is disabled or draining.',
    ({ profile }) => (takesOrders(profile) ? 1 : 0),
  );
  perChannel('channel_score', 'The score of a channel for a typical payment.', (channel) => observed.score(channel));
  new Gauge({
    name: 'switchyard_channel_success_ratio',
    help: 'What routing believes: share of technically good calls and of paid orders.',
    labelNames: ['channel', 'kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const channel of observed.channels().values()) {
        const { id } = channel;
        const estimate = observed.estimate(channel);
        this.set({ channel: id, kind: 'technical' }, estimate.technicalRatio);
        this.set({ channel: id, kind: 'payment' }, estimate.paymentRatio);
      }
    },
  });
  new Gauge({
    name: 'switchyard_channel_breaker_state',
    help: 'Breaker per channel and operation: 0 closed, 1 half-open, 2 open.',
    labelNames: ['channel', 'operation'],
    registers: [registry],
    collect() {
      this.reset();
      for (const channel of observed.channels().keys()) {
        for (const operation of GUARDED_OPERATIONS) {
          this.set({ channel, operation }, BREAKER_NUMBER[observed.breakerState(channel, operation)]);
        }
      }
    },
  });
}

function addLimitGauge(registry: Registry, observed: Observed): void {
  new Gauge({
    name: 'switchyard_channel_daily_used_ratio',
    help: "Share of a channel's daily limit that orders have taken since its midnight, per currency; absent without a limit.",
    labelNames: ['channel', 'currency'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { channelId: channel, currency, usedMinor, limitMinor } of await observed.dailyUse()) {
        this.set({ channel, currency }, usedMinor / limitMinor);
      }
    },
  });
}

/** Absent rather than old: a figure that nobody has confirmed lately would look like money. */
function addBalanceGauges(registry: Registry, observed: Observed): void {
  const known = () =>
    [...observed.balances()].flatMap(([channel, last]) =>
      last === 'no_right' || !observed.channels().has(channel) ? [] : [{ channel, ...last }],
    );
  new Gauge({
    name: 'switchyard_channel_balance_minor',
    help: 'What our account at a channel holds and could refund from, in minor units.',
    labelNames: ['channel', 'currency'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, amounts } of known()) {
        for (const { currency, availableMinor } of amounts) this.set({ channel, currency }, availableMinor);
      }
    },
  });
  new Gauge({
    name: 'switchyard_channel_balance_updated_timestamp_seconds',
    help: 'When the provider last told our balance, in seconds since 1970.',
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, at } of known()) this.set({ channel }, at / 1000);
    },
  });
}

function addStoreGauges(registry: Registry, { store, now }: Observed): void {
  const counts = oncePerScrape(() => store.counts());
  const due = oncePerScrape(() => store.dueBacklog(now()));
  const ageSeconds = (since: number | null): number => (since === null ? 0 : Math.max(0, now() - since) / 1000);
  const gauge = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      name: `switchyard_${name}`,
      help,
      registers: [registry],
      async collect() {
        // One failing gauge fails the whole scrape, and an outage of the store is when the others are needed most.
        this.set(await read().catch(() => Number.NaN));
      },
    });
  gauge('payments_unknown', 'Payments with an attempt whose outcome is unknown.', async () => (await counts()).unknown);
  gauge('payments_undelivered', 'Paid, but not reported as delivered.', async () => (await counts()).undelivered);
  gauge('payments_unknown_oldest_seconds', 'Age of the oldest payment with an unknown outcome.', async () =>
    ageSeconds((await counts()).oldestUnknownAt),
  );
  gauge('payments_undelivered_oldest_seconds', 'Age of the oldest payment that is paid and not delivered.', async () =>
    ageSeconds((await counts()).oldestUndeliveredAt),
  );
  gauge('webhook_backlog', 'Events that wait for their delivery.', async () => (await counts()).webhookBacklog);
  gauge(
    'webhook_dead',
    'Events that were given up; redeliver them when the shop is back.',
    async () => (await counts()).deadEvents,
  );
  gauge('refunds_pending', 'Refunds whose outcome is not known yet.', async () => (await counts()).refundsPending);
  gauge('payments_held', "Payments with money that waits for a person's decision.", async () => (await counts()).held);
  gauge('webhook_oldest_seconds', 'Age of the oldest event that waits for its delivery.', async () =>
    ageSeconds((await counts()).oldestWebhookAt),
  );
  gauge('agenda_due', 'Payments whose next duty is due.', async () => (await due()).count);
  gauge('agenda_lag_seconds', 'How long the oldest due payment has been waiting.', async () =>
    ageSeconds((await due()).oldestDueAt),
  );
}

/** All gauges of one scrape read in the same turn; they share one question to the store. */
function oncePerScrape<T>(read: () => Promise<T>): () => Promise<T> {
  let shared: Promise<T> | undefined;
  return () => {
    shared ??= read().finally(() => {
      shared = undefined;
    });
    return shared;
  };
}
