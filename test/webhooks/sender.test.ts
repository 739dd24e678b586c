import type { ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WebhookAnswer, WebhookRequest } from '../../src/gateway/index.ts';
import { createWebhookSender } from '../../src/webhooks/index.ts';
import { keepShops } from './shops.ts';

const shops = keepShops();
const openShop = shops.open;
let sender = createWebhookSender();
beforeEach(() => {
  sender = createWebhookSender();
});
afterEach(async () => {
  await sender.close();
  await shops.close();
});

const send = (set: Partial<WebhookRequest>, signal = new AbortController().signal): Promise<WebhookAnswer> =>
  sender.send(
    {
      url: 'http://127.0.0.1:1/',
      headers: { 'content-type': 'application/json', 'webhook-id': 'evt_1' },
      body: '{"type":"payment.succeeded"}',
      timeoutMs: 5_000,
      allowPrivateAddresses: true,
      allowHttp: true,
      ...set,
    },
    signal,
  );

describe('a delivery', () => {
  test('posts the body as it is with its headers, and reads status and answer', async () => {
    const shop = await openShop((response) => response.writeHead(201).end('{"fulfilment":"delivered"}'));
    expect(await send({ url: shop.url })).toEqual({
      outcome: 'answered',
      status: 201,
      body: '{"fulfilment":"delivered"}',
    });
    expect(shop.requests).toMatchObject([
      { method: 'POST', path: '/notify', body: '{"type":"payment.succeeded"}', headers: { 'webhook-id': 'evt_1' } },
    ]);
  });

  test.each([301, 302, 307, 308])('does not follow a %d to anywhere', async (status) => {
    const inside = await openShop((response) => response.end('secret'));
    const shop = await openShop((response) => response.writeHead(status, { location: `${inside.url}?key=1` }).end());
    expect(await send({ url: shop.url })).toEqual({ outcome: 'answered', status, body: '', location: inside.url });
    expect(inside.requests).toEqual([]);
  });

  test('reads at most four kilobytes of the answer, however long it goes on', async () => {
    let stopped = false;
    const shop = await openShop((response) => {
      const pour = (): void => {
        if (response.destroyed) stopped = true;
        else if (response.write('x'.repeat(1_024))) setImmediate(pour);
        else response.once('drain', pour).once('close', pour);
      };
      response.writeHead(200);
      pour();
    });
    const answer = await send({ url: shop.url });
    expect(answer).toEqual({ outcome: 'answered', status: 200, body: 'x'.repeat(4_096) });
    await expect.poll(() => stopped).toBe(true);
  });

  test.each<[string, (response: ServerResponse) => void, string]>([
    ['never answers', () => {}, 'TimeoutError'],
    ['answers and never ends', (response) => void response.writeHead(200).write('x'), 'TimeoutError'],
    ['hangs up', (response) => response.destroy(), 'UND_ERR_SOCKET'],
    [
      'hangs up in the middle',
      (response) => response.writeHead(200).write('x', () => response.destroy()),
      'UND_ERR_SOCKET',
    ],
  ])('to a shop that %s fails with a word, not with a throw', async (_what, answer, reason) => {
    const shop = await openShop(answer);
    expect(await send({ url: shop.url, timeoutMs: 200 })).toEqual({ outcome: 'failed', reason });
  });

  test('to nobody fails', async () => {
    const shop = await openShop((response) => response.end());
    await shop.close();
    expect(await send({ url: shop.url })).toEqual({ outcome: 'failed', reason: 'ECONNREFUSED' });
  });

  test('ends at once when the gateway stops', async () => {
    const shop = await openShop(() => {});
    const stopping = new AbortController();
    const sending = send({ url: shop.url }, stopping.signal);
    await expect.poll(() => shop.requests.length).toBe(1);
    stopping.abort();
    expect(await sending).toMatchObject({ outcome: 'failed' });
  });

  test('that cannot be made is refused in a word that holds nothing of the URL', async () => {
    for (const url of ['', 'not a url', 'ftp://user:secret@shop.example/']) {
      const answer = await send({ url });
      expect(answer).toEqual({ outcome: 'refused', reason: 'bad_url' });
    }
  });
});

describe('where private addresses are not allowed', () => {
  test.each(['localhost', 'LOCALHOST', 'localhost.', hostname()])(
    'the name %s is refused when it leads inside, and nobody is called',
    async (name) => {
      const shop = await openShop((response) => response.end());
      const answer = await send({ url: `http://${name}:${shop.port}/notify`, allowPrivateAddresses: false });
      expect(answer.outcome).not.toBe('answered');
      if (name.toLowerCase() === 'localhost') {
        expect(answer).toEqual({ outcome: 'refused', reason: 'private_address' });
      }
      expect(shop.requests).toEqual([]);
    },
  );

  test('a name with one private address among public ones is refused, each time that it is called', async () => {
    await sender.close();
    const asked: string[] = [];
    sender = createWebhookSender((name, _options, callback) => {
      asked.push(name);
      callback(null, [
        { address: '8.8.8.8', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    });
    for (let i = 0; i < 2; i += 1) {
      const answer = await send({ url: 'http://rebind.example:8080/', allowPrivateAddresses: false });
      expect(answer).toEqual({ outcome: 'refused', reason: 'private_address' });
    }
    expect(asked).toEqual(['rebind.example', 'rebind.example']);
  });

  test('a connection that was made while they were allowed is not used again', async () => {
    const shop = await openShop((response) => response.end('ok'));
    const url = `http://localhost:${shop.port}/notify`;
    expect(await send({ url })).toMatchObject({ outcome: 'answered' });
    expect(await send({ url, allowPrivateAddresses: false })).toMatchObject({ outcome: 'refused' });
    expect(shop.requests).toHaveLength(1);
  });

  test('a name that does not resolve fails', async () => {
    await sender.close();
    sender = createWebhookSender((_name, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []),
    );
    const answer = await send({ url: 'https://nowhere.example/', allowPrivateAddresses: false });
    expect(answer).toEqual({ outcome: 'failed', reason: 'ENOTFOUND' });
  });
});
