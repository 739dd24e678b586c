import { request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { gatewayError } from '../../src/gateway/index.ts';
import { createAdminApp, type Listener, listen } from '../../src/http/index.ts';
import { err } from '../../src/payment/index.ts';
import { adminParts } from './admin-parts.ts';

const TOKEN = 'c3f1a09be7d24586aa01f3d2';
const JSON_TYPE = { 'content-type': 'application/json' };

let listener: Listener | null = null;
afterEach(() => listener?.close(1_000));

async function serve(token: string | null, host = '127.0.0.1') {
  const refused: string[] = [];
  const decided: string[] = [];
  let nowMs = 1_000_000;
  const app = createAdminApp(
    adminParts({
      guard: { token, host, now: () => nowMs, onRefused: (why) => refused.push(why) },
      disposeMoney: async (id) => {
        decided.push(id);
        return err(gatewayError('not_found', 'No such payment.'));
      },
    }),
  );
  listener = await listen(app, { host: '127.0.0.1', port: 0 });
  const { url } = listener;
  const ask = async (path: string, headers: Record<string, string> = {}, method: 'GET' | 'POST' = 'GET') => {
    const answer = await request(url + path, { method, headers, ...(method === 'POST' ? { body: '{}' } : {}) });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  return { ask, refused, decided, url, pass: (ms: number) => (nowMs += ms) };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const KEEP = '/admin/payments/pay_01h2xcejqtf2nbrexx3vqjhp41/keep';

describe('with a token', () => {
  test.each(['/healthz', '/readyz'])('%s is open to whoever restarts and balances processes', async (path) => {
    const { ask } = await serve(TOKEN);
    expect((await ask(path)).status).toBe(200);
  });

  test.each(['/metrics', '/admin/status', '/admin/events?state=dead', '/', '/nowhere', '/healthz/'])(
    '%s is shut to who shows none, and says how to ask',
    async (path) => {
      const { ask, refused } = await serve(TOKEN);
      const answer = await ask(path);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/);
      expect(answer.text).not.toContain(TOKEN);
      expect(refused).toEqual(['no_token']);
    },
  );

  test.each([
    ['as a bearer', bearer(TOKEN)],
    ['as a password of anybody', basic('prometheus', TOKEN)],
    ['as a password of nobody', basic('', TOKEN)],
  ])('it opens the listener %s', async (_how, headers) => {
    const { ask } = await serve(TOKEN);
    expect(await ask('/metrics', headers)).toMatchObject({ status: 200, text: 'up 1\n' });
  });

  test.each([
    ['another token', bearer(`${TOKEN.slice(0, -1)}3`)],
    ['the beginning of it', bearer(TOKEN.slice(0, -1))],
    ['it and more', bearer(`${TOKEN}0`)],
    ['it in capitals', bearer(TOKEN.toUpperCase())],
    ['it as a user name', basic(TOKEN, 'x')],
  ])('%s does not', async (_what, headers) => {
    const { ask, refused } = await serve(TOKEN);
    expect((await ask('/metrics', headers)).status).toBe(401);
    expect(refused).toEqual(['wrong_token']);
  });

  test('an empty token, an empty password and a mangled header are no token', async () => {
    const { ask } = await serve(TOKEN);
    for (const headers of [bearer(''), basic('x', ''), { authorization: TOKEN }, { authorization: 'Basic ===' }]) {
      expect((await ask('/metrics', headers)).status).toBe(401);
    }
  });

  test('after ten wrong ones within a minute not even the right one is looked at', async () => {
    const { ask, refused, pass } = await serve(TOKEN);
    for (let tries = 0; tries < 10; tries += 1) await ask('/metrics', bearer(`wrong-${tries}`));
    const limited = await ask('/metrics', bearer(TOKEN));
    expect(limited).toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
    expect(refused.filter((why) => why === 'wrong_token')).toHaveLength(10);
    expect(refused.at(-1)).toBe('too_many_tries');
    expect((await ask('/healthz')).status).toBe(200);
    pass(60_000);
    expect((await ask('/metrics', bearer(TOKEN))).status).toBe(200);
  });

  test('a browser that shows none yet uses up no tries', async () => {
    const { ask } = await serve(TOKEN);
    for (let asks = 0; asks < 20; asks += 1) await ask('/admin/status');
    expect((await ask('/admin/status', basic('me', TOKEN))).status).toBe(200);
  });

  test('any name may lead here, since only who knows the token is answered', async () => {
    const { ask } = await serve(TOKEN);
    expect((await ask('/metrics', { ...bearer(TOKEN), host: 'gateway:8081' })).status).toBe(200);
  });
});

describe('without a token', () => {
  test.each(['127.0.0.1:8081', 'localhost', 'localhost:1', '[::1]:8081', '192.0.2.7', 'Admin.Internal:8081'])(
    'Host %s is answered',
    async (host) => {
      const { ask } = await serve(null, 'admin.internal');
      expect((await ask('/admin/status', { host })).status).toBe(200);
    },
  );

  test.each(['evil.example', 'evil.example:8081', 'localhost.evil.example', '127.0.0.1.nip.example', 'x@127.0.0.1'])(
    'Host %s is not: it was led here from elsewhere',
    async (host) => {
      const { ask, refused } = await serve(null);
      expect((await ask('/admin/status', { host })).status).toBe(403);
      expect(refused).toEqual(['foreign_host']);
    },
  );
});

describe('what changes something', () => {
  test('is taken from programs, and from a page of the same origin', async () => {
    const { ask, decided, url } = await serve(null);
    await ask(KEEP, JSON_TYPE, 'POST');
    await ask(KEEP, { ...JSON_TYPE, 'sec-fetch-site': 'same-origin', origin: url }, 'POST');
    await ask(KEEP, { 'content-type': 'application/json; charset=utf-8' }, 'POST');
    expect(decided).toHaveLength(3);
  });

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another origin of the same site', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['a sandboxed frame', { origin: 'null' }],
  ])('is not taken from a page of %s, token or not', async (_where, headers) => {
    for (const token of [null, TOKEN]) {
      const { ask, refused, decided } = await serve(token);
      const answer = await ask(KEEP, { ...JSON_TYPE, ...headers, ...basic('me', TOKEN) }, 'POST');
      expect(answer.status).toBe(403);
      expect([refused, decided]).toEqual([['cross_site'], []]);
      await listener?.close(1_000);
    }
  });

  test.each(['', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp'])(
    'is not taken as %j, which any form could send',
    async (type) => {
      const { ask, decided } = await serve(null);
      const answer = await ask(KEEP, type === '' ? {} : { 'content-type': type }, 'POST');
      expect(answer.status).toBe(415);
      expect(decided).toEqual([]);
    },
  );
});
