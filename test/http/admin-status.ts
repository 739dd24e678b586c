import type { AdminStatus, ChannelStatus, GatewayStatus } from '../../src/http/index.ts';

const NOW = '2026-01-31T03:07:42.000Z';

/** A time so many seconds before the status was made. */
export function ago(seconds: number): string {
  return new Date(Date.parse(NOW) - seconds * 1_000).toISOString();
}

/** A gateway that is well; a test names what it is about. */
export function aGateway(set: Partial<GatewayStatus> = {}): GatewayStatus {
  return {
    ...{ version: '0.1.0', time: NOW, started_at: ago(7_500), uptime_seconds: 7_500 },
    store: { ok: true, reason: null },
    shared_state: null,
    clocks: [],
    ...{ agenda_due: 0, agenda_lag_seconds: 0, webhook_backlog: 0, webhook_oldest_seconds: 0, dead_letters: 0 },
    ...{ paused_endpoints: 0, unknown_outcomes: 0, unknown_oldest_seconds: 0 },
    ...{ undelivered: 0, undelivered_oldest_seconds: 0, refunds_pending: 0, held: 0, evidence_dropped: 0 },
    event_loop_delay_ms: { p50: 0.1, p99: 2, max: 9 },
    unavailable: {},
    ...set,
  };
}

export function aChannel(channel: string, set: Partial<ChannelStatus> = {}): ChannelStatus {
  const closed = { state: 'closed', since: ago(7_500), cause: null } as const;
  return {
    ...{ channel, provider: 'alipay', mode: 'live', enabled: true, weight: 100, draining: false },
    ...{ state: stateOf(set), open_orders: 0, full: [], methods: ['alipay'], currencies: ['CNY'] },
    breaker: { create: 'closed', query: 'closed', close: 'closed', refund: 'closed' },
    breakers: { create: closed, query: closed, close: closed, refund: closed },
    ...{ technical_ratio: 0.999, payment_ratio: 0.83, sample_size: 412.7, latency_ms: 182, score: 0.781 },
    ...{ last_failure: null, last_callback_at: ago(4), balance: null },
    today: { since: ago(40_000), successes: [] },
    ...set,
  };
}

function stateOf({ enabled = true, draining = false, mode = 'live' }: Partial<ChannelStatus>): string {
  if (!enabled) return 'disabled, may be removed';
  return draining ? 'drained, may be removed' : mode;
}

/** A channel whose create has been shut off for so many seconds. */
export function aDeadChannel(channel: string, downS = 190, set: Partial<ChannelStatus> = {}): ChannelStatus {
  const { breaker, breakers } = aChannel(channel);
  const cause = { operation: 'create', kind: 'CHANNEL_UNAVAILABLE', code: 'ECONNREFUSED', at: ago(downS) };
  return aChannel(channel, {
    breaker: { ...breaker, create: 'open' },
    breakers: { ...breakers, create: { state: 'open', since: ago(downS), cause } },
    last_failure: cause,
    ...set,
  });
}

export function aStatus(set: Partial<AdminStatus> = {}): AdminStatus {
  return { gateway: aGateway(), problems: [], channels: [], webhooks: { failing: [] }, ...set };
}
