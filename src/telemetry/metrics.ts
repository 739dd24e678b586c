import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Channel, ChannelBalances } from '../gateway/index.ts';
import { type Estimate, takesOrders } from '../routing/index.ts';
import type { PaymentStore } from '../store/port.ts';
import type { LabelledMetric, LabelsOf } from './labels.ts';

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
  readonly store: PaymentStore;
  readonly now: () => number;
}

type LabelName<N extends LabelledMetric> = Extract<keyof LabelsOf<N>, string>;

interface Counted<N extends LabelledMetric> {
  inc(labels: LabelsOf<N>, value?: number): void;
}

interface Measured<N extends LabelledMetric> {
  set(labels: LabelsOf<N>, value: number): void;
}

/** The trace that an exemplar leads to. */
interface Exemplar {
  readonly exemplarLabels?: { readonly trace_id: string };
}

interface CountedWithTrace<N extends LabelledMetric> {
  inc(counted: Exemplar & { readonly labels: LabelsOf<N> }): void;
}

interface ObservedWithTrace<N extends LabelledMetric> {
  observe(observed: Exemplar & { readonly labels: LabelsOf<N>; readonly value: number }): void;
}

const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BREAKER_NUMBER = { closed: 0, half_open: 1, open: 2 } as const;
const GUARDED_OPERATIONS = ['create', 'query', 'close', 'refund'] as const;

/** Every metric of `api.md`. Label values are closed sets: channel ids, methods and words, never an id or an amount. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const named = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]) => {
    return { name: `switchyard_${name}`, help, labelNames };
  };
  const counter = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]): Counted<N> =>
    new Counter({ ...named(name, help, labelNames), registers: [registry] });
  const gauge = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[]): Measured<N> =>
    new Gauge({ ...named(name, help, labelNames), registers: [registry] });
  const histogram = <N extends LabelledMetric>(name: N, help: string, labelNames: LabelName<N>[], buckets: number[]) =>
    new Histogram({ ...named(name, help, labelNames), buckets, registers: [registry] });
  // A registry of the plain format takes no metric with exemplars when it is made, and shows it without them afterwards.
  const countedWithTrace = <N extends LabelledMetric>(
    name: N,
    help: string,
    labelNames: LabelName<N>[],
  ): CountedWithTrace<N> => {
    const metric = new Counter<string>({ ...named(name, help, labelNames), registers: [], enableExemplars: true });
    registry.registerMetric(metric);
    return metric;
  };
  const histogramWithTrace = <N extends LabelledMetric>(
    name: N,
    help: string,
    labelNames: LabelName<N>[],
    buckets: number[],
  ): ObservedWithTrace<N> => {
    const metric = new Histogram<string>({
      ...{ ...named(name, help, labelNames), buckets, registers: [], enableExemplars: true },
    });
    registry.registerMetric(metric);
    return metric;
  };

  return {
    registry,
    payments: countedWithTrace('payments_total', 'Payments by method and outcome.', ['method', 'outcome']),
    channelRequests: counter('channel_requests_total', 'Calls to channels: ok or the kind of error.', [
      'channel',
      'operation',
      'outcome',
    ]),
    channelRequestSeconds: histogramWithTrace(
      'channel_request_duration_seconds',
      'How long calls to channels took.',
      ['channel', 'operation'],
      SECONDS_BUCKETS,
    ),
    decisions: counter('routing_decisions_total', 'Choices of a channel.', ['channel', 'position', 'reason']),
    exclusions: counter('routing_exclusions_total', 'Channels that could not take a payment, by the reason.', [
      'channel',
      'reason',
    ]),
    decisionSeconds: histogram(
      'routing_decision_duration_seconds',
      'How long a choice took.',
      [],
      [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01],
    ),
    ruleErrors: counter('routing_rule_errors_total', 'Routing rules that could not be evaluated.', ['rule']),
    drainedPayments: counter(
      'drained_channel_payments_total',
      'Payments that arrived on a channel that gets no new orders.',
      ['channel'],
    ),
    callbacks: counter('callbacks_total', "Providers' callbacks by what came of them.", ['channel', 'outcome']),
    callbackDelaySeconds: histogramWithTrace(
      'callback_delay_seconds',
      "From the provider's paid-at to our commit.",
      ['channel'],
      [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600],
    ),
    paymentKnownSeconds: histogramWithTrace(
      'payment_known_seconds',
      'From the buyer paying at the provider to our knowing it, by how it became known.',
      ['channel', 'by'],
      [0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 300, 3600],
    ),
    queriesPostponed: counter('queries_postponed_total', "Questions that had to wait for a channel's request budget.", [
      'channel',
    ]),
    capturedMinor: counter('captured_minor_total', 'Money that came in, in minor units.', ['channel', 'currency']),
    returnedMinor: counter('returned_minor_total', 'Money that went back, in minor units, by cause.', [
      'channel',
      'currency',
      'cause',
    ]),
    merchantPayments: counter('merchant_payments_total', 'Payments by merchant and outcome.', ['merchant', 'outcome']),
    refunds: counter('refunds_total', 'Refunds by cause and outcome.', ['channel', 'cause', 'outcome']),
    webhookDeliveries: counter('webhook_deliveries_total', 'Deliveries of events to merchants.', ['outcome']),
    surplus: counter('surplus_payments_total', 'Second payments of one order.', ['channel']),
    anomalies: counter('anomalies_total', 'Things that must not happen.', ['kind']),
    // Declared so that dashboards and rules can name it; without samples until somebody compares bills.
    differences: gauge('reconciliation_differences', "Differences between a channel's bill and our books.", [
      'channel',
      'kind',
    ]),
    evidenceEntries: counter('evidence_entries_total', 'Entries of the evidence log: written, or dropped.', [
      'outcome',
    ]),
    traceSpans: counter('trace_spans_total', 'Spans that the trace collector has taken, or has not.', ['outcome']),
    storeErrors: counter('store_errors_total', 'What the store could not do.', ['operation']),
    adminRefusals: counter('admin_refusals_total', 'Requests that the admin listener turned away.', ['reason']),
    alertNotifications: counter('alert_notifications_total', 'Messages of alerts to people.', [
      'receiver_kind',
      'outcome',
    ]),
    build: gauge('build_info', 'Always 1; the label says which version runs.', ['version']),
    configReloads: counter('config_reloads_total', 'Looks at changed files: accepted, refused, unchanged.', [
      'outcome',
    ]),
    configSound: gauge('config_last_reload_successful', '0 while the files hold what was refused, else 1.', []),
    configLoadedSeconds: gauge('config_loaded_timestamp_seconds', 'When the configuration in force was taken.', []),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Gauges that are read when somebody scrapes, so that nothing runs when nobody looks. */
export function addGauges({ registry }: Metrics, observed: Observed): void {
  addChannelGauges(registry, observed);
  addStoreGauges(registry, observed);
  addBalanceGauges(registry, observed);
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
