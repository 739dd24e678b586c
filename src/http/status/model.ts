/** What `GET /admin/status` answers and the status page shows. Times are RFC 3339 UTC; null is "not known", never zero. */
export interface AdminStatus {
  readonly gateway: GatewayStatus;
  /** The page's first lines: what is wrong now, the worst first. */
  readonly problems: readonly Problem[];
  readonly channels: readonly ChannelStatus[];
  readonly webhooks: { readonly failing: readonly FailingEndpointStatus[] };
  readonly config?: ConfigStatus;
}

/** The configuration in force. */
export interface ConfigStatus {
  /** The same wherever the same configuration is in force. */
  readonly digest: string;
  readonly loaded_at: string;
  /** What the files said later, and why it was not taken; in `detail` in words, a line for each fault. */
  readonly refused: { readonly at: string; readonly faults: readonly unknown[]; readonly detail: string } | null;
  /** What the replicas run by that share a Redis with this one, itself first; null where nothing is shared. */
  readonly replicas: {
    readonly variants: number;
    readonly differ_since: string | null;
    readonly list: readonly {
      readonly id: string;
      readonly digest: string;
      readonly loaded_at: string;
      /** Its files hold what it does not take. */
      readonly refused: boolean;
    }[];
  } | null;
}

export interface Problem {
  /** `now`: somebody has to act at once. `soon`: within working hours. */
  readonly urgency: 'now' | 'soon';
  readonly text: string;
  /** The alert whose runbook says what to do. */
  readonly runbook: string;
}

export interface ClockStatus {
  /** `mongodb`, `redis`, or a channel. */
  readonly against: string;
  /** `server`: all replicas use it, and it is exact. `provider`: by the `Date` of its last answer, to a few seconds. */
  readonly kind: 'server' | 'provider';
  /** Ours less theirs. */
  readonly skew_ms: number;
}

export interface GatewayStatus {
  readonly version: string;
  readonly time: string;
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly store: { readonly ok: boolean; readonly reason: string | null };
  /** Redis, which replicas share counters through; null where none is set. */
  readonly shared_state: { readonly ok: boolean; readonly since: string; readonly reason: string | null } | null;
  /** Other clocks as they were seen last; empty where none has been. */
  readonly clocks: readonly ClockStatus[];
  readonly agenda_due: number | null;
  readonly agenda_lag_seconds: number | null;
  readonly webhook_backlog: number | null;
  readonly webhook_oldest_seconds: number | null;
  readonly dead_letters: number | null;
  readonly paused_endpoints: number;
  readonly unknown_outcomes: number | null;
  readonly unknown_oldest_seconds: number | null;
  readonly undelivered: number | null;
  readonly undelivered_oldest_seconds: number | null;
  readonly refunds_pending: number | null;
  /** Payments with money that waits for a person's decision. */
  readonly held: number | null;
  readonly evidence_dropped: number | null;
  /** Of the last ten seconds. */
  readonly event_loop_delay_ms: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Why figures are null, by the part that did not say. */
  readonly unavailable: Readonly<Record<string, string>>;
}

export const GUARDED_OPERATIONS = ['create', 'query', 'close', 'refund'] as const;
type BreakerWord = 'closed' | 'half_open' | 'open';

export interface FailureStatus {
  readonly operation: string;
  readonly kind: string;
  /** The provider's own code. */
  readonly code: string | null;
  readonly at: string;
}

export interface FullStatus {
  readonly limit: 'daily' | 'per_minute';
  /** Null: it holds for all. */
  readonly currency: string | null;
  /** What is left of the limit, of a daily one. */
  readonly left_minor: number | null;
  /** When the limit begins anew. */
  readonly until: string;
}

export interface ChannelStatus {
  readonly channel: string;
  readonly provider: string;
  readonly mode: string;
  readonly enabled: boolean;
  readonly weight: number;
  /** Weight 0: no new payments; callbacks, queries and refunds go on. */
  readonly draining: boolean;
  /** One line for a person: the mode, or why it takes no orders now. */
  readonly state: string;
  readonly open_orders: number | null;
  /** Limits without room for an ordinary payment. */
  readonly full: readonly FullStatus[] | null;
  readonly methods: readonly string[];
  readonly currencies: readonly string[];
  readonly breaker: Readonly<Record<(typeof GUARDED_OPERATIONS)[number], BreakerWord>>;
  /** `since`: when it stopped (or began) to be closed. `cause`: the last failure before that. */
  readonly breakers: Readonly<
    Record<
      (typeof GUARDED_OPERATIONS)[number],
      { readonly state: BreakerWord; readonly since: string; readonly cause: FailureStatus | null }
    >
  >;
  readonly technical_ratio: number;
  readonly payment_ratio: number;
  /** How many observations, faded by age, the ratios rest on. */
  readonly sample_size: number;
  readonly latency_ms: number;
  readonly score: number;
  readonly last_failure: FailureStatus | null;
  readonly last_callback_at: string | null;
  /** Null: the provider has no such call, or our account no right to it. */
  readonly balance: readonly BalanceStatus[] | null;
  readonly today: {
    /** The beginning of the day (UTC+8), or the start of this process. */
    readonly since: string;
    readonly successes: readonly { readonly currency: string; readonly count: number; readonly sum_minor: number }[];
  };
}

export interface BalanceStatus {
  readonly currency: string;
  readonly available_minor: number;
  readonly at: string;
  /** `alerts.balance_below` of the channel. */
  readonly threshold_minor: number | null;
}

export interface FailingEndpointStatus {
  readonly merchant: string;
  readonly endpoint: string;
  readonly failing_since: string;
  readonly paused_at: string | null;
  readonly next_trial_at: string | null;
  readonly reason: string;
}
