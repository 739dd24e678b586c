import { afterEach, describe, expect, test } from 'vitest';
import { type GatewayStatusParts, openGatewayStatus } from '../../src/gateway-status.ts';

const NOW = Date.UTC(2026, 0, 31, 3);
const COUNTS = {
  ...{ unknown: 1, undelivered: 2, webhookBacklog: 3, deadEvents: 4, refundsPending: 5, held: 6 },
  ...{ oldestUnknownAt: NOW - 1_000, oldestUndeliveredAt: NOW - 2_000, oldestWebhookAt: NOW - 3_000 },
};
const WELL: GatewayStatusParts['store'] = {
  ping: async () => {},
  counts: async () => COUNTS,
  dueBacklog: async () => ({ count: 7, oldestDueAt: NOW - 4_000 }),
};
const never = (): Promise<never> => new Promise(() => {});

let close = (): void => {};
afterEach(() => close());

function open(store: GatewayStatusParts['store'], evidenceDropped: () => Promise<number> = async () => 8) {
  const status = openGatewayStatus({
    ...{
      version: '1.2.3',
      startedAt: NOW - 60_000,
      now: () => NOW,
      store,
      evidenceDropped,
      sharedState: null,
      clocks: () => [],
    },
    pausedEndpoints: () => 9,
  });
  close = status.close;
  return status;
}

describe('the figures of the gateway', () => {
  test('are those of the store, with ages in seconds', async () => {
    expect(await open(WELL).read()).toMatchObject({
      ...{ version: '1.2.3', started_at: '2026-01-31T02:59:00.000Z', uptime_seconds: 60 },
      ...{ store: { ok: true, reason: null }, unavailable: {} },
      ...{ unknown_outcomes: 1, unknown_oldest_seconds: 1, undelivered: 2, undelivered_oldest_seconds: 2 },
      ...{ webhook_backlog: 3, webhook_oldest_seconds: 3, dead_letters: 4, refunds_pending: 5, held: 6 },
      ...{ agenda_due: 7, agenda_lag_seconds: 4, evidence_dropped: 8, paused_endpoints: 9 },
    });
  });

  test('are null with the reason where a part fails, and the others stay', async () => {
    class DiskFull extends Error {
      override readonly name = 'DiskFull';
    }
    const store = { ...WELL, counts: () => Promise.reject(new DiskFull('mongodb://user:pass@host')) };
    const seen = await open(store).read();
    expect(seen).toMatchObject({
      held: null,
      webhook_backlog: null,
      agenda_due: 7,
      unavailable: { counts: 'DiskFull' },
    });
    expect(JSON.stringify(seen)).not.toContain('mongodb');
  });

  test('come although the store hangs, and nobody asks it again meanwhile', async () => {
    let asked = 0;
    const hanging = () => {
      asked += 1;
      return never();
    };
    const status = open({ ping: hanging, counts: hanging, dueBacklog: hanging }, never);
    const [first, second] = [await status.read(), await status.read()];
    for (const seen of [first, second]) {
      expect(seen).toMatchObject({ held: null, agenda_due: null, evidence_dropped: null, uptime_seconds: 60 });
      expect(seen.store).toEqual({ ok: false, reason: 'no answer within 700 ms' });
      expect(Object.keys(seen.unavailable)).toEqual(['store', 'counts', 'agenda', 'evidence']);
    }
    expect(asked).toBe(3);
  });

  test('hold how late the process is', async () => {
    const { p50, p99, max } = (await open(WELL).read()).event_loop_delay_ms;
    expect(p50).toBeGreaterThanOrEqual(0);
    expect(max).toBeGreaterThanOrEqual(p99);
  });
});
