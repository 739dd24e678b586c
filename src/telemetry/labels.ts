import { CHANNEL_ERROR_KINDS, type ChannelErrorKind } from '../channel/index.ts';
import type { CallbackResult, ChannelOperation, EpayEndpoint, EpayOutcome, Telemetry } from '../gateway/index.ts';
import type { Decision, ExclusionReason, ObservedBy, RefundCause } from '../payment/index.ts';
import type { MongoCommand, StoreOperation } from '../store/port.ts';

/** A set of names that the configuration closes. */
export type NameSet = 'channel' | 'method' | 'currency' | 'merchant' | 'provider' | 'alert' | 'version' | 'rule';

/** What a label may say: words of the code, and names of the configuration. Nothing of a request, ever. */
type Domain = readonly (string | { readonly names: NameSet })[];

/** All words of a type, or the compiler objects. */
const words = <T extends string>(all: Readonly<Record<T, true>>): readonly T[] => Object.keys(all) as T[];
const CHANNEL = { names: 'channel' } as const;
const METHOD = { names: 'method' } as const;
const CURRENCY = { names: 'currency' } as const;

type Argument<K extends keyof Telemetry, I extends number> = Telemetry[K] extends (...given: infer A) => unknown
  ? A[I]
  : never;

const OPERATIONS = words<ChannelOperation>({
  ...{ create: true, query: true, close: true, probe: true, refund: true, refund_query: true },
  ...{ capture: true, balance: true },
});
const GUARDED = ['create', 'query', 'close', 'refund'] as const;
const ERROR_KINDS = Object.keys(CHANNEL_ERROR_KINDS) as ChannelErrorKind[];
const CAUSES = words<RefundCause>({ merchant: true, surplus: true, late: true, mismatch: true });
const MONGO_COMMANDS = words<MongoCommand>({
  ...{ find: true, getMore: true, aggregate: true, insert: true, update: true, delete: true },
  ...{ findAndModify: true, other: true },
});
/** Whose clock ours is compared with. */
const CLOCKS = ['mongodb', 'redis'] as const;
const CALLBACK_RESULTS = words<CallbackResult>({
  ...{ applied: true, duplicate: true, ignored: true, bad_signature: true, amount_mismatch: true },
  ...{ unknown_payment: true, malformed: true, error: true },
});
const ANOMALIES = words<Argument<'anomaly', 0>>({
  ...{ late_success: true, surplus_payment: true, amount_mismatch: true, currency_mismatch: true },
  ...{ account_mismatch: true, incomplete_success: true, second_trade_number: true, unresolved_at_provider: true },
  ...{ money_held: true, refund_failed: true, refund_reversed: true, refund_unresolved: true },
  ...{ refund_contradicted: true, refund_mismatch: true, forged_response: true, unmapped_code: true },
  ...{ foreign_callback: true, trade_number_reused: true, webhook_endpoint_paused: true },
});

/** Every metric with labels (without the prefix `switchyard_`), and the closed set that each label keeps to. */
export const LABELS = {
  payments_total: {
    method: [METHOD, 'none'],
    outcome: words<Argument<'paymentOutcome', 1>>({
      ...{ created: true, succeeded: true, failed: true, closed: true, rejected: true },
    }),
  },
  merchant_payments_total: {
    merchant: [{ names: 'merchant' }],
    outcome: words<Argument<'merchantPayment', 1>>({ created: true, succeeded: true, failed: true, closed: true }),
  },
  channel_requests_total: { channel: [CHANNEL], operation: OPERATIONS, outcome: ['ok', ...ERROR_KINDS] },
  channel_request_duration_seconds: { channel: [CHANNEL], operation: OPERATIONS },
  channel_info: { channel: [CHANNEL], provider: [{ names: 'provider' }], mode: ['sandbox', 'live'], method: [METHOD] },
  channel_weight: { channel: [CHANNEL] },
  channel_takes_orders: { channel: [CHANNEL] },
  channel_score: { channel: [CHANNEL] },
  channel_success_ratio: { channel: [CHANNEL], kind: ['technical', 'payment'] },
  channel_breaker_state: { channel: [CHANNEL], operation: GUARDED },
  channel_balance_updated_timestamp_seconds: { channel: [CHANNEL] },
  channel_daily_used_ratio: { channel: [CHANNEL], currency: [CURRENCY] },
  channel_balance_minor: { channel: [CHANNEL], currency: [CURRENCY] },
  routing_decisions_total: {
    channel: [CHANNEL],
    position: words<Decision['position']>({ first: true, failover: true }),
    reason: words<Decision['reason']>({
      best_score: true,
      pinned: true,
      exploration: true,
      probe: true,
      panic: true,
      preferred: true,
      split: true,
    }),
  },
  routing_exclusions_total: {
    channel: [CHANNEL],
    reason: words<ExclusionReason>({
      disabled: true,
      draining: true,
      merchant: true,
      method: true,
      currency: true,
      scene: true,
      customer_ip_missing: true,
      rule: true,
      amount_below_min: true,
      amount_above_max: true,
      maintenance: true,
      daily_limit: true,
      rate_limit: true,
      breaker_open: true,
      cooling_down: true,
      daily_pacing: true,
      pinned_elsewhere: true,
      already_tried: true,
    }),
  },
  routing_decision_duration_seconds: {},
  routing_rule_errors_total: { rule: [{ names: 'rule' }] },
  drained_channel_payments_total: { channel: [CHANNEL] },
  callbacks_total: { channel: [CHANNEL, 'none'], outcome: CALLBACK_RESULTS },
  callback_delay_seconds: { channel: [CHANNEL] },
  payment_known_seconds: {
    channel: [CHANNEL],
    by: words<ObservedBy>({ callback: true, query: true, close: true }),
  },
  queries_postponed_total: { channel: [CHANNEL] },
  captured_minor_total: { channel: [CHANNEL], currency: [CURRENCY] },
  returned_minor_total: { channel: [CHANNEL, 'none'], currency: [CURRENCY], cause: CAUSES },
  refunds_total: {
    channel: [CHANNEL, 'none'],
    cause: CAUSES,
    outcome: words<Argument<'refund', 2>>({ requested: true, succeeded: true, failed: true }),
  },
  webhook_deliveries_total: {
    outcome: words<Argument<'webhookDelivery', 0>>({
      ...{ delivered: true, unacknowledged: true, failed: true, dead: true, refused: true, postponed: true },
    }),
  },
  epay_requests_total: {
    endpoint: words<EpayEndpoint>({
      ...{ submit: true, mapi: true, api: true, v2_submit: true, v2_create: true, v2_api: true },
    }),
    outcome: words<EpayOutcome>({
      ...{ ok: true, nothing_sent: true, unreadable: true, split_value: true, unknown_pid: true, bad_signature: true },
      ...{ sign_kind_refused: true, stale_timestamp: true, bad_order_no: true, bad_money: true, bad_notify_url: true },
      ...{ bad_return_url: true, changed_order: true, paid_order: true, held_order: true, no_channel: true },
      ...{ refused_by_channel: true, too_much: true, unknown_order: true, unknown_act: true, refunds_off: true },
      ...{ refund_refused: true, rate_limited: true, internal: true },
    }),
  },
  alert_notifications_total: {
    receiver_kind: ['sms', 'dingtalk', 'feishu', 'log'],
    outcome: ['sent', 'failed', 'deduplicated', 'rate_limited'],
  },
  surplus_payments_total: { channel: [CHANNEL, 'none'] },
  anomalies_total: { kind: ANOMALIES },
  // Grows with the first reading of bills.
  reconciliation_differences: { channel: [CHANNEL], kind: ['missing'] },
  evidence_entries_total: { outcome: ['written', 'dropped'] },
  admin_refusals_total: {
    reason: ['no_token', 'wrong_token', 'too_many_tries', 'cross_site', 'foreign_host', 'not_json'],
  },
  trace_spans_total: { outcome: ['sent', 'failed'] },
  store_errors_total: {
    operation: words<StoreOperation>({ insert: true, update: true, read: true, claim: true, other: true }),
  },
  mongo_command_duration_seconds: { command: MONGO_COMMANDS },
  mongo_command_failures_total: { command: MONGO_COMMANDS },
  mongo_connections_in_use: {},
  mongo_connections_max: {},
  mongo_operations_waiting: {},
  clock_skew_seconds: { against: CLOCKS },
  replicas: {},
  shared_state_up: {},
  shared_state_fallbacks_total: {},
  store_client_renewals_total: {},
  alert_threshold: { alert: [{ names: 'alert' }] },
  build_info: { version: [{ names: 'version' }] },
  config_last_reload_successful: {},
  config_variants: {},
  config_loaded_timestamp_seconds: {},
  config_reloads_total: { outcome: ['accepted', 'refused', 'unchanged'] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Domain>>>>;

export type LabelledMetric = keyof typeof LABELS;
type DomainOf<N extends LabelledMetric, L extends keyof (typeof LABELS)[N]> = (typeof LABELS)[N][L];
type ValueOf<D> = D extends readonly (infer V)[] ? (V extends string ? V : string) : never;

/** The labels of a metric, with the words that each may say. */
export type LabelsOf<N extends LabelledMetric> = {
  readonly [L in keyof (typeof LABELS)[N]]: ValueOf<DomainOf<N, L>>;
};

/** Whether a label of a metric may have this value, with the names of a configuration. */
export function isLabelValue(
  given: { readonly metric: string; readonly label: string; readonly value: string },
  names: Readonly<Record<NameSet, ReadonlySet<string>>>,
): boolean {
  const labels: Readonly<Record<string, Readonly<Record<string, Domain>>>> = LABELS;
  const domain = labels[given.metric]?.[given.label] ?? [];
  return domain.some((part) => (typeof part === 'string' ? part === given.value : names[part.names].has(given.value)));
}
