import { afterEach, describe, expect, test } from 'vitest';
import { createAdminApp, type Listener, listen, type Readiness } from '../../src/http/index.ts';
import { adminParts } from './admin-parts.ts';

let listener: Listener | null = null;
afterEach(() => listener?.close(1_000));

async function serveAdmin(set: {
  ready?: () => Promise<Readiness>;
  metrics?: () => Promise<{ contentType: string; body: string }>;
}) {
  const errors: unknown[] = [];
  const app = createAdminApp(adminParts({ ...set, onError: (thrown) => errors.push(thrown) }));
  listener = await listen(app, { host: '127.0.0.1', port: 0 });
  const { url } = listener;
  return { errors, get: (path: string) => fetch(url + path) };
}

describe('the admin listener', () => {
  test('gives the metrics as they are rendered', async () => {
    const { get } = await serveAdmin({});
    const answer = await get('/metrics');
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toBe('up 1\n');
  });

  test('is healthy as long as it answers, whatever the store does', async () => {
    const { get } = await serveAdmin({ ready: () => Promise.reject(new Error('store')) });
    expect((await get('/healthz')).status).toBe(200);
  });

  test('is ready with the state of each part', async () => {
    const { get } = await serveAdmin({});
    const answer = await get('/readyz');
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 200,
      body: { ok: true, checks: { store: 'ok' } },
    });
  });

  test('is not ready with 503 and the reason', async () => {
    const { get } = await serveAdmin({ ready: async () => ({ ok: false, checks: { store: 'not reachable' } }) });
    const answer = await get('/readyz');
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 503,
      body: { ok: false, checks: { store: 'not reachable' } },
    });
  });

  test('reports a check that crashes and tells nothing of it to the outside', async () => {
    const { get, errors } = await serveAdmin({ ready: () => Promise.reject(new Error('mongodb://user:pass@host')) });
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('mongodb');
    expect(errors).toHaveLength(1);
  });

  test.each(['/', '/v1/payments', '/metrics/x'])('has nothing at %s', async (path) => {
    const { get } = await serveAdmin({});
    expect((await get(path)).status).toBe(404);
  });
});
