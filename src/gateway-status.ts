import { monitorEventLoopDelay } from 'node:perf_hooks';
import { bounded } from './bounded.ts';
import type { GatewayStatus } from './http/index.ts';
import type { PaymentStore, StoreCounts } from './store/port.ts';

const LOOP_WINDOW_MS = 10_000;

/** Whether Redis answers, since when, and why not. */
export type SharedStateOf = () => { readonly up: boolean; readonly since: number; readonly reason: string | null };

export interface GatewayStatusParts {
  readonly version: string;
  readonly startedAt: number;
  readonly now: () => number;
  readonly store: Pick<PaymentStore, 'ping' | 'counts' | 'dueBacklog'>;
  readonly pausedEndpoints: () => number;
  readonly evidenceDropped: () => Promise<number>;
  readonly sharedState: SharedStateOf | null;
  /** The clocks of others, as they were seen last. */
  readonly clocks: () => GatewayStatus['clocks'];
}

/** The gateway's own figures. Every part is asked at once and within a limit; one that does not answer is null, with the reason. */
export function openGatewayStatus(parts: GatewayStatusParts) {
  const { version, startedAt, now, store } = parts;
  const loop = watchEventLoop();
  const ping = bounded(() => store.ping().then(() => true as const));
  const counts = bounded(() => store.counts());
  const backlog = bounded(() => store.dueBacklog(now()));
  const dropped = bounded(parts.evidenceDropped);

  async function read(): Promise<GatewayStatus> {
    const [alive, counted, due, lost] = await Promise.all([ping(), counts(), backlog(), dropped()]);
    const at = now();
    const ageS = (since: number | null): number => (since === null ? 0 : Math.max(0, at - since) / 1_000);
    const count = (read: (all: StoreCounts) => number): number | null => (counted.ok ? read(counted.value) : null);
    const failed = Object.entries({ store: alive, counts: counted, agenda: due, evidence: lost });
    return {
      version,
      time: new Date(at).toISOString(),
      started_at: new Date(startedAt).toISOString(),
      uptime_seconds: Math.max(0, at - startedAt) / 1_000,
      store: { ok: alive.ok, reason: alive.ok ? null : alive.reason },
      shared_state: parts.sharedState && sharedStatus(parts.sharedState()),
      clocks: parts.clocks(),
      agenda_due: due.ok ? due.value.count : null,
      agenda_lag_seconds: due.ok ? ageS(due.value.oldestDueAt) : null,
      webhook_backlog: count((all) => all.webhookBacklog),
      webhook_oldest_seconds: count((all) => ageS(all.oldestWebhookAt)),
      dead_letters: count((all) => all.deadEvents),
      paused_endpoints: parts.pausedEndpoints(),
      unknown_outcomes: count((all) => all.unknown),
      unknown_oldest_seconds: count((all) => ageS(all.oldestUnknownAt)),
      undelivered: count((all) => all.undelivered),
      undelivered_oldest_seconds: count((all) => ageS(all.oldestUndeliveredAt)),
      refunds_pending: count((all) => all.refundsPending),
      held: count((all) => all.held),
      evidence_dropped: lost.ok ? lost.value : null,
      event_loop_delay_ms: loop.delayMs(),
      unavailable: Object.fromEntries(
        failed.flatMap(([part, { reason }]) => (reason === null ? [] : [[part, reason]])),
      ),
    };
  }
  return { read, close: loop.stop };
}

function sharedStatus({ up, since, reason }: ReturnType<SharedStateOf>): GatewayStatus['shared_state'] {
  return { ok: up, since: new Date(since).toISOString(), reason };
}

/** How late this process comes to what it wants to do, over the last whole window. */
function watchEventLoop() {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  const read = () => {
    const ms = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? Math.round(nanoseconds / 1e5) / 10 : 0);
    // The histogram counts the 20 ms of its own timer.
    const above = (nanoseconds: number): number => Math.max(0, Math.round((ms(nanoseconds) - 20) * 10) / 10);
    return { p50: above(histogram.percentile(50)), p99: above(histogram.percentile(99)), max: above(histogram.max) };
  };
  let last: ReturnType<typeof read> | null = null;
  histogram.enable();
  const timer = setInterval(() => {
    last = read();
    histogram.reset();
  }, LOOP_WINDOW_MS);
  timer.unref();
  return {
    delayMs: () => last ?? read(),
    stop: (): void => {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
