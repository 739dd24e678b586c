import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdminApp, type Listener, listen } from '../../src/http/index.ts';
import { aStatus } from './admin-status.ts';
import { type Edge, problemOf, serveEdge } from './serve.ts';
import { createStubAlerts } from './stub-alerts.ts';
import { createStubGateway, type StubGateway, stubConfig, stubEpayDoctor } from './stub-gateway.ts';

let edge: Edge;
let admin: Listener;
let operated: StubGateway;
beforeEach(async () => {
  edge = await serveEdge();
  operated = createStubGateway();
  const app = createAdminApp({
    guard: { token: null, host: '127.0.0.1', now: () => 0, onRefused: () => {} },
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    ready: async () => ({ ok: true, checks: {} }),
    status: async () => aStatus(),
    disposeMoney: operated.disposeMoney,
    recordReturn: operated.recordReturn,
    webhooks: operated.webhooks,
    dryRun: async () => ({ outcome: 'busy' }),
    alerts: createStubAlerts(),
    epayDoctor: stubEpayDoctor,
    config: stubConfig,
    onError: (thrown) => {
      throw thrown;
    },
  });
  admin = await listen(app, { host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await edge.close();
  await admin.close(1_000);
});

const operate = (path: string, body?: unknown, type = 'application/json') =>
  fetch(`${admin.url}${path}`, {
    ...(body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': type },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
  });

const WRONG: readonly [string, unknown, string][] = [
  ['no state', {}, 'state'],
  ['another state', { state: 'pending' }, 'state'],
  ['a time that is none', { state: 'dead', created_after: 'yesterday' }, 'created_after'],
  ['a time without a zone', { state: 'dead', created_before: '2026-01-31T08:00:00' }, 'created_before'],
  ['a limit of nothing', { state: 'dead', limit: 0 }, 'limit'],
  ['too large a limit', { state: 'dead', limit: 1_001 }, 'limit'],
  ['a limit that is a text', { state: 'dead', limit: '10' }, 'limit'],
  ['a place that is no event', { state: 'dead', after: 'A 1' }, 'after'],
  ['an unknown field', { state: 'dead', created_since: '2026-01-31T08:00:00Z' }, 'created_since'],
  ['a list', [], '(body)'],
  ['nothing', null, '(body)'],
];

describe('sending dead events again', () => {
  test.each(WRONG)('with %s is refused with the path of the fault', async (_what, body, path) => {
    const answer = await edge.call('POST', '/v1/events/redeliver', JSON.stringify(body));
    expect(await problemOf(answer)).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ path }] });
    expect(edge.gateway.redeliveries).toEqual([]);
    const refused = await operate('/admin/events/redeliver', body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'validation_failed', detail: expect.stringContaining(path) });
    expect(operated.redeliveries).toEqual([]);
  });

  test('is for the merchant itself; it cannot name another one', async () => {
    await edge.call('POST', '/v1/events/redeliver', {
      ...{ state: 'dead', created_after: '2026-01-31T08:00:00Z', created_before: '2026-01-31T10:00:00+01:00' },
      ...{ after: 'evt_1', limit: 7 },
    });
    expect(edge.gateway.redeliveries).toEqual([
      {
        ...{ merchantId: 'm_one', after: 'evt_1', limit: 7 },
        createdAfter: Date.parse('2026-01-31T08:00:00Z'),
        createdBefore: Date.parse('2026-01-31T09:00:00Z'),
      },
    ]);
    const named = await edge.call('POST', '/v1/events/redeliver', { state: 'dead', merchant: 'm_two' });
    expect(await problemOf(named)).toMatchObject({ errors: [{ path: 'merchant' }] });
  });

  test('is at most a thousand where nothing is said', async () => {
    await edge.call('POST', '/v1/events/redeliver', { state: 'dead' });
    expect(edge.gateway.redeliveries).toEqual([{ merchantId: 'm_one', limit: 1_000 }]);
  });

  test('is for an operator over all merchants, or of one', async () => {
    expect(await (await operate('/admin/events/redeliver', { state: 'dead' })).json()).toEqual({
      redelivered: 0,
      next: null,
    });
    await operate('/admin/events/redeliver', { state: 'dead', merchant: 'm_two' });
    expect(operated.redeliveries.map(({ merchantId }) => merchantId)).toEqual([null, 'm_two']);
  });
});

describe('the list of events', () => {
  test.each(['state=pending', 'state=', 'state=dead&state=dead', 'merchant=m_two', 'state=dead&limit=101'])(
    'is refused with ?%s',
    async (query) => {
      const answer = await edge.call('GET', `/v1/events?${query}`);
      expect((await problemOf(answer)).code).toBe('validation_failed');
    },
  );

  test.each(['', '?state=pending', '?state=dead&merchant=', '?state=dead&merchant=a%20b', '?state=dead&x=1'])(
    'of all merchants is refused with %j',
    async (query) => {
      expect((await operate(`/admin/events${query}`)).status).toBe(400);
    },
  );

  test('of all merchants is a page', async () => {
    const answer = await operate('/admin/events?state=dead&merchant=m_two');
    expect(await answer.json()).toEqual({ data: [], next_cursor: null });
  });
});

describe("an operator's order", () => {
  test.each([
    ['/admin/events/redeliver', { state: 'dead' }],
    ['/admin/events/evt_1/redeliver', {}],
    ['/admin/webhooks/resume', { merchant: 'm_one' }],
  ])('POST %s is not taken from a form, which any page could send', async (path, body) => {
    const answer = await operate(path, JSON.stringify(body), 'text/plain');
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      ...{ status: 415, body: { error: 'unsupported_media_type' } },
    });
  });

  test.each([
    [{}, 'merchant'],
    [{ merchant: 'm one' }, 'merchant'],
    [{ merchant: 'm_one', endpoint: 7 }, 'endpoint'],
    [{ merchant: 'm_one', endpoints: [] }, 'endpoints'],
    ['[]', '(body)'],
  ])('to resume %j is refused', async (body, path) => {
    const answer = await operate('/admin/webhooks/resume', body);
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      ...{ status: 400, body: { error: 'validation_failed', detail: expect.stringContaining(path) } },
    });
  });

  test('to resume what is not paused finds nothing', async () => {
    expect((await operate('/admin/webhooks/resume', { merchant: 'm_one' })).status).toBe(404);
  });
});
