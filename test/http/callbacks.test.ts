import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Edge, rawRequest, sendRaw, serveEdge } from './serve.ts';
import { NOW } from './stub-gateway.ts';

let edge: Edge;
beforeEach(async () => {
  edge = await serveEdge();
});
afterEach(() => edge.close());

describe('a callback reaches its channel', () => {
  test('byte for byte, with its target and token', async () => {
    const body = Uint8Array.from([0, 255, 13, 10, 0x25, 0x41, 0xc3, 0x28]);
    await fetch(`${edge.url}/callbacks/alipay-main/tok-1?a=%7e+b&a=2`, { method: 'POST', body });
    const [received] = edge.gateway.callbacks;
    expect(received).toMatchObject({ channelId: 'alipay-main', token: 'tok-1' });
    expect(received?.raw).toMatchObject({
      method: 'POST',
      target: '/callbacks/alipay-main/tok-1?a=%7e+b&a=2',
      receivedAt: NOW,
    });
    expect([...(received?.raw.body ?? [])]).toEqual([...body]);
  });

  test('without a token where the provider keeps one address, by GET as well', async () => {
    await fetch(`${edge.url}/callbacks/epay-1?trade_no=1`);
    expect(edge.gateway.callbacks[0]).toMatchObject({ channelId: 'epay-1', token: null, raw: { method: 'GET' } });
  });

  test('with repeated headers kept apart', async () => {
    const headers = ['Wechatpay-Signature: one', 'wechatpay-signature: two', 'Content-Type: a/b', 'Content-Type: c/d'];
    await sendRaw(edge.url, rawRequest('POST', '/callbacks/wechatpay-main', headers, '{}'));
    const sent = edge.gateway.callbacks[0]?.raw.headers;
    expect(sent?.get('wechatpay-signature')).toEqual(['one', 'two']);
    expect(sent?.get('content-type')).toEqual(['a/b', 'c/d']);
  });

  test('and is answered in exactly its words', async () => {
    edge.gateway.callbackAnswer = { status: 401, contentType: 'application/json', body: '{"code":"FAIL"}' };
    const answer = await fetch(`${edge.url}/callbacks/wechatpay-main`, { method: 'POST', body: '{}' });
    expect({ status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() }).toEqual({
      status: 401,
      type: 'application/json',
      body: '{"code":"FAIL"}',
    });
  });
});

describe('a callback that cannot be read', () => {
  test.each([65_537, 500_000, 3_000_000])('of %i bytes is refused, counted, and reaches no channel', async (size) => {
    const answer = await fetch(`${edge.url}/callbacks/alipay-main`, { method: 'POST', body: 'x'.repeat(size) });
    expect(answer.status).toBe(413);
    expect(await answer.text()).not.toMatch(/success|ok/i);
    expect(edge.gateway.callbacks).toEqual([]);
    expect(edge.gateway.unreadable).toEqual(['alipay-main']);
  });

  test('because it ends too early reaches no channel and crashes nothing', async () => {
    const head = 'POST /callbacks/alipay-main HTTP/1.1\r\nHost: gw\r\nContent-Length: 100\r\n\r\nhalf';
    const { connect } = await import('node:net');
    const { hostname, port } = new URL(edge.url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(head, () => socket.destroy()));
      socket.on('close', () => resolve());
    });
    await expect.poll(() => edge.gateway.unreadable).toEqual(['alipay-main']);
    expect(edge.gateway.callbacks).toEqual([]);
    expect(edge.lines.filter((line) => line.level === 'error')).toEqual([]);
  });

  test.each(['PUT', 'DELETE', 'HEAD', 'PATCH'])('because it comes by %s is refused without effect', async (method) => {
    const answer = await fetch(`${edge.url}/callbacks/alipay-main/token`, { method });
    expect(answer.status).toBe(405);
    expect(edge.gateway.callbacks).toEqual([]);
  });

  test.each(['/callbacks', '/callbacks/', '/callbacks/a/b/c', '/callbacks/%'])(
    'at %s is not taken for a success',
    async (path) => {
      edge.gateway.callbackAnswer = { status: 404, contentType: 'text/plain', body: 'no such channel' };
      const answer = await fetch(edge.url + path, { method: 'POST', body: 'x' });
      expect(answer.status).toBe(404);
      expect(await answer.text()).not.toMatch(/success/i);
    },
  );
});

test('whatever is sent to a callback address, the edge has no fault of its own', async () => {
  edge.gateway.callbackAnswer = { status: 400, contentType: 'text/plain', body: 'fail' };
  const segment = fc.string({ unit: 'grapheme', maxLength: 20 }).map(encodeURIComponent);
  await fc.assert(
    fc.asyncProperty(segment, segment, fc.uint8Array({ maxLength: 500 }), fc.boolean(), async (a, b, body, post) => {
      const answer = await fetch(`${edge.url}/callbacks/${a}/${b}?${a}=${b}`, {
        ...(post ? { method: 'POST', body: Uint8Array.from(body) } : {}),
      });
      await answer.text();
      expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: 200, seed: 11 },
  );
});

test('when we cannot keep a callback the provider hears no success and comes again', async () => {
  edge.gateway.broken = new Error('the store is away');
  const answer = await fetch(`${edge.url}/callbacks/alipay-main`, { method: 'POST', body: 'x' });
  expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 500, body: 'internal' });
});
