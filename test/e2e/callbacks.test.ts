import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aFreePort } from '../services/free-port.ts';
import { anOrder, eventually, openStage, type Stage } from './stage.ts';

/** A callback as a provider sent it, to be sent again as it was or spoilt. */
interface Captured {
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const HOP_BY_HOP = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect']);

let stage: Stage;
let proxy: Server;
const captured: Captured[] = [];
let gatewayPort = 0;

/** Stands between the simulators and the gateway, and keeps what passes. */
beforeAll(async () => {
  proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([k, v]) =>
          HOP_BY_HOP.has(k) || v === undefined ? [] : [[k, String(v)]],
        ),
      );
      const callback = {
        method: request.method ?? 'POST',
        target: request.url ?? '/',
        headers,
        body: Buffer.concat(chunks),
      };
      if (callback.target.startsWith('/callbacks/')) captured.push(callback);
      const answer = await send(callback);
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  gatewayPort = await aFreePort();
  stage = await openStage({ env: { PORT: String(gatewayPort), PUBLIC_URL: `http://127.0.0.1:${port}` } });
});
afterAll(async () => {
  await stage.stop();
  await new Promise((resolve) => {
    proxy.close(resolve);
    proxy.closeAllConnections();
  });
});

function send({ method, target, headers, body }: Captured): Promise<Response> {
  const carried = method === 'GET' || method === 'HEAD' ? {} : { body: Uint8Array.from(body) };
  return fetch(`http://127.0.0.1:${gatewayPort}${target}`, { method, headers, redirect: 'manual', ...carried });
}

/** Creates and pays an order; answers its payment and the callback that told of it. */
async function paid(
  method: string,
  scene = 'qr',
  pinned: { readonly channel?: string } = {},
): Promise<{ id: string; callback: Captured }> {
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: [method], scene, ...pinned }));
  const { channel, provider_ref } = body.attempts[0];
  const before = captured.length;
  await stage.control(channel, 'pay', { provider_ref });
  await eventually(() => stage.shop.eventsOf(body.id)[0]);
  const callback = captured[before];
  if (!callback) throw new Error('no callback passed by');
  return { id: body.id, callback };
}

const CHANNELS: readonly [string, string, string][] = [
  ['alipay-main', 'alipay', 'qr'],
  ['wechatpay-main', 'wechatpay', 'qr'],
  ['stripe-main', 'card', 'redirect'],
];

describe.each(CHANNELS)('a callback of %s', (channel, method, scene) => {
  test('sent fifty times at once, and again after a restart, is one event', async () => {
    const { id, callback } = await paid(method, scene, { channel });
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(callback)));
    expect(answers.every((a) => a.ok)).toBe(true);
    await stage.restart();
    const late = await send(callback);
    expect(late.ok).toBe(true);
    expect((await stage.api('GET', `/v1/payments/${id}`)).body.status).toBe('succeeded');
    expect(stage.shop.eventsOf(id).map((e) => e.id)).toEqual([`evt_${id.slice(4)}_succeeded`]);
  });

  test('forged, cut, swollen or foreign is never applied, never a 5xx, and counted', async () => {
    const { callback } = await paid(method, scene, { channel });
    const { body: victim } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods: [method], scene }));
    const before = await refusals(channel);
    const spoilt = spoil(callback, channel);
    for (const each of spoilt) {
      const answer = await send(each);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(await answer.text()).not.toMatch(/success|\bok\b/i);
    }
    expect((await stage.api('GET', `/v1/payments/${victim.id}`)).body.status).toBe('pending');
    expect(stage.shop.eventsOf(victim.id)).toEqual([]);
    expect((await refusals(channel)) - before).toBe(spoilt.length);
  });
});

test('a callback under the token of another attempt is refused', async () => {
  const { callback } = await paid('alipay');
  const other = await paid('alipay');
  const answer = await send({ ...callback, target: other.callback.target });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  const bare = await send({ ...callback, target: '/callbacks/alipay-main' });
  expect(bare.status).toBeGreaterThanOrEqual(400);
});

test('an unknown channel is refused', async () => {
  const { callback } = await paid('alipay');
  expect((await send({ ...callback, target: '/callbacks/nobody/abc' })).status).toBe(404);
});

async function refusals(channel: string): Promise<number> {
  let sum = 0;
  for (const outcome of ['bad_signature', 'malformed', 'unknown_payment', 'amount_mismatch']) {
    sum += await stage.metric(`switchyard_callbacks_total{channel="${channel}",outcome="${outcome}"}`);
  }
  return sum;
}

/** Five hundred ways to be wrong, from one that is right. */
function spoil(callback: Captured, channel: string): readonly Captured[] {
  const { body } = callback;
  const withBody = (text: Buffer | string): Captured => ({ ...callback, body: Buffer.from(text) });
  const flipped = Array.from({ length: 200 }, (_, i) => {
    const bytes = Buffer.from(body);
    const at = Math.floor((i * bytes.length) / 200);
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    return withBody(bytes);
  });
  const cut = Array.from({ length: 200 }, (_, i) => withBody(body.subarray(0, Math.floor((i * body.length) / 200))));
  const signature =
    { 'alipay-main': null, 'wechatpay-main': 'wechatpay-signature', 'stripe-main': 'stripe-signature' }[channel] ??
    null;
  const unsigned = Array.from({ length: 90 }, (_, i) => {
    if (signature === null) return withBody(body.toString().replace(/sign=[^&]*/, `sign=${'A'.repeat(i)}`));
    const headers = { ...callback.headers, [signature]: `t=1,v1=${'a'.repeat(i)}` };
    return { ...callback, headers };
  });
  const foreign = ['', '{}', '[]', 'null', 'a=1&a=2', 'sign=&sign=', '<xml/>', '\0'].map(withBody);
  return [
    ...flipped,
    ...cut,
    ...unsigned,
    ...foreign,
    withBody('x'.repeat(70_000)),
    withBody(Buffer.alloc(1_000_000, 97)),
  ];
}
