import { afterEach, describe, expect, test } from 'vitest';
import type { Alert, AlertRelay } from '../../src/alerts/index.ts';
import { createAdminApp, type Listener, listen } from '../../src/http/index.ts';
import { err, ok } from '../../src/payment/index.ts';
import { adminParts } from './admin-parts.ts';
import { createStubAlerts } from './stub-alerts.ts';
import { createStubGateway, stubConfig } from './stub-gateway.ts';

let listener: Listener | null = null;
afterEach(() => listener?.close(1_000));

async function serve(set: Partial<AlertRelay> = {}) {
  const relayed: Alert[] = [];
  const refused: string[] = [];
  const gateway = createStubGateway();
  const app = createAdminApp({
    ...adminParts(),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    ready: async () => ({ ok: true, checks: {} }),
    disposeMoney: () => Promise.reject(new Error('not here')),
    webhooks: gateway.webhooks,
    dryRun: async () => ({ outcome: 'busy' }),
    config: stubConfig,
    alerts: createStubAlerts({
      relay: async (alerts) => {
        relayed.push(...alerts);
        return ok(undefined);
      },
      refuse: (reason) => refused.push(reason),
      ...set,
    }),
    onError: (thrown) => {
      throw thrown;
    },
  });
  listener = await listen(app, { host: '127.0.0.1', port: 0 });
  const { url } = listener;
  const post = (path: string, body: unknown, headers = { 'content-type': 'application/json' }) =>
    fetch(url + path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { relayed, refused, post, get: (path: string) => fetch(url + path) };
}

/** As Alertmanager 0.3x writes it. */
function notification(alert: Readonly<Record<string, unknown>> = {}) {
  return {
    receiver: 'page',
    status: 'firing',
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'ChannelDown', channel: 'alipay-main', job: 'switchyard', severity: 'page' },
        annotations: {
          summary: 'down',
          impact: 'less',
          step_1: 'look',
          runbook_url: 'grafana/runbooks/ChannelDown.md',
        },
        startsAt: '2026-11-27T12:00:00.123456789Z',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://prometheus/graph',
        fingerprint: 'a1b2c3d4e5f60718',
        ...alert,
      },
    ],
    ...{ groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: 'http://am', notificationReason: 'x' },
    ...{ version: '4', groupKey: '{}:{}', truncatedAlerts: 0 },
  };
}

describe('POST /admin/alerts/relay', () => {
  test("takes Alertmanager's message, fields of later versions among it", async () => {
    const { post, relayed } = await serve();
    const answer = await post('/admin/alerts/relay', notification());
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 200, body: { ok: true } });
    expect(relayed).toEqual([
      {
        fingerprint: 'a1b2c3d4e5f60718',
        alert: 'ChannelDown',
        severity: 'page',
        status: 'firing',
        summary: 'down',
        impact: 'less',
        firstStep: 'look',
        runbook: 'grafana/runbooks/ChannelDown.md',
        startsAt: Date.parse('2026-11-27T12:00:00.123Z'),
        endsAt: null,
      },
    ]);
  });

  test('takes what has no severity for a ticket, and an alert of somebody else with nothing but a name', async () => {
    const { post, relayed } = await serve();
    const labels = { alertname: 'Watchdog' };
    const endsAt = '2026-11-27T13:00:00+01:00';
    await post('/admin/alerts/relay', notification({ status: 'resolved', labels, annotations: {}, endsAt }));
    expect(relayed[0]).toMatchObject({
      alert: 'Watchdog',
      severity: 'ticket',
      summary: '',
      endsAt: Date.UTC(2026, 10, 27, 12),
    });
  });

  test('wants to be asked again when somebody has not been told', async () => {
    const { post } = await serve({ relay: async () => err('not_told') });
    const answer = await post('/admin/alerts/relay', notification());
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 503,
      body: { error: 'not_told' },
    });
  });

  test.each([
    ['another version', { ...notification(), version: '3' }],
    ['no alerts', { version: '4' }],
    ['a status that does not exist', notification({ status: 'maybe' })],
    ['no time', notification({ startsAt: 'yesterday' })],
    ['no JSON', '{'],
  ])('refuses %s, and that does not go unnoticed', async (_, body) => {
    const { post, relayed, refused } = await serve();
    expect((await post('/admin/alerts/relay', body)).status).toBe(400);
    expect(relayed).toEqual([]);
    expect(refused).toHaveLength(1);
  });

  test('takes a large group, and refuses one without end', async () => {
    const { post, relayed, refused } = await serve();
    const [alert] = notification().alerts;
    const many = { ...notification(), alerts: Array.from({ length: 500 }, () => alert) };
    expect((await post('/admin/alerts/relay', many)).status).toBe(200);
    expect(relayed).toHaveLength(500);
    const endless = { ...notification(), externalURL: 'x'.repeat(2_000_000) };
    expect((await post('/admin/alerts/relay', endless)).status).toBe(413);
    expect(refused).toEqual(['body_too_large']);
  });

  test('hands on what can be read beside what cannot, and as many as there may be of more', async () => {
    const { post, relayed, refused } = await serve();
    const [alert] = notification().alerts;
    const mixed = { ...notification(), alerts: [{ ...alert, startsAt: 'yesterday' }, alert] };
    expect((await post('/admin/alerts/relay', mixed)).status).toBe(200);
    expect(relayed).toHaveLength(1);
    const many = { ...notification(), alerts: Array.from({ length: 1_200 }, () => ({ ...alert, annotations: {} })) };
    expect((await post('/admin/alerts/relay', many)).status).toBe(200);
    expect(relayed).toHaveLength(1 + 1_000);
    expect(refused).toHaveLength(2);
  });

  test("cannot be sent by a page in the operator's browser", async () => {
    const { post, relayed } = await serve();
    expect((await post('/admin/alerts/relay', notification(), { 'content-type': 'text/plain' })).status).toBe(415);
    expect(relayed).toEqual([]);
  });
});

describe('what was sent', () => {
  test('is listed as it happened', async () => {
    const entry = {
      kind: 'sms',
      receiver: '+86138****5678',
      alert: 'ChannelDown',
      severity: 'page',
      status: 'firing',
    } as const;
    const at = Date.UTC(2026, 10, 27, 12);
    const { get } = await serve({ sent: () => [{ ...entry, at, outcome: 'failed', errorCode: 'timeout' }] });
    const answer = await get('/admin/alerts/sent');
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 200,
      body: { data: [{ at: '2026-11-27T12:00:00.000Z', ...entry, outcome: 'failed', error_code: 'timeout' }] },
    });
  });

  test('can be tried with a test of either urgency', async () => {
    const asked: string[] = [];
    const { post } = await serve({
      test: async (severity) => {
        asked.push(severity);
        return [{ kind: 'dingtalk', receiver: '1', outcome: 'sent', errorCode: null }];
      },
    });
    const answer = await post('/admin/alerts/test', { severity: 'ticket' });
    expect(await answer.json()).toEqual({
      data: [{ kind: 'dingtalk', receiver: '1', outcome: 'sent', error_code: null }],
    });
    await post('/admin/alerts/test', {});
    expect((await post('/admin/alerts/test', { severity: 'loud' })).status).toBe(400);
    expect(asked).toEqual(['ticket', 'page']);
  });
});
