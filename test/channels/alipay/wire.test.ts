import type { ServerResponse } from 'node:http';
import { createServer, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  asked,
  createQr,
  notSent,
  ORDER,
  openAdapter,
  PAID,
  signedBody,
  startScriptedGateway,
  unknown,
} from './scripted-gateway.ts';
import { patient } from './stage.ts';

test.each([
  [500, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: 'http_500' }],
  [502, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: 'http_502' }],
  [404, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: 'http_404' }],
  [429, { kind: 'RATE_LIMITED', created: 'no', providerCode: 'http_429' }],
])('HTTP %i, even with a good body, is no answer', async (status, error) => {
  const gateway = await startScriptedGateway();
  const body = signedBody('alipay_trade_query_response', JSON.stringify(PAID));
  gateway.answerWith((response) => response.writeHead(status).end(body));
  expect(await gateway.adapter.query(ORDER, patient())).toEqual({ ok: false, error });
});

test('a refused connection and an unknown host are certain: nothing was created', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await new Promise((resolve) => closed.close(resolve));
  expect(await createQr(openAdapter(`http://127.0.0.1:${port}/gateway.do`))).toEqual(notSent());
  expect(await createQr(openAdapter('http://no-such-host.invalid/gateway.do'))).toEqual(notSent());
  expect(await createQr(openAdapter('http://127.0.0.1:1/gateway.do'))).toEqual(notSent());
});

test('a server that is no TLS server is certain, too', async () => {
  const gateway = await startPlainServer((socket) => socket.end('SSH-2.0-hello\r\n'));
  expect(await createQr(openAdapter(`https://127.0.0.1:${gateway}/gateway.do`))).toEqual(notSent());
});

test('a request that is given up while it waits for its connection is certain not to have been sent', async () => {
  // A TLS handshake that nobody answers: the connection is never ready.
  let connections = 0;
  const port = await startPlainServer(() => {
    connections += 1;
  });
  const abort = new AbortController();
  const answer = createQr(openAdapter(`https://127.0.0.1:${port}/gateway.do`), abort.signal);
  await expect.poll(() => connections).toBe(1);
  abort.abort();
  expect(await answer).toEqual(notSent({ reason: 'timeout' }));
});

test('a request that was given up before it began is not sent', async () => {
  const gateway = await startScriptedGateway();
  for (const scene of ['qr', 'redirect'] as const) {
    const request = { ...ORDER, method: 'alipay', scene, subject: 'x', expiresAt: Date.now() + 900_000 };
    const urls = { callbackUrl: 'http://127.0.0.1/c', returnUrl: 'http://127.0.0.1/r', buyer: { ip: null } };
    const answer = await gateway.adapter.create({ ...request, ...urls }, AbortSignal.abort());
    expect(answer).toEqual(notSent({ reason: 'timeout' }));
  }
  expect(gateway.arrived).toEqual([]);
});

test('a request that is given up after it was sent may have made an order, and its connection is dropped', async () => {
  const gateway = await startScriptedGateway();
  const dropped = Promise.withResolvers<void>();
  gateway.answerWith((response) => response.once('close', dropped.resolve));
  const abort = new AbortController();
  const answer = createQr(gateway.adapter, abort.signal);
  await expect.poll(() => gateway.arrived.length).toBe(1);
  abort.abort();
  expect(await answer).toEqual(unknown({ reason: 'timeout' }));
  await dropped.promise;
});

test.each<[string, (response: ServerResponse) => void]>([
  ['reset', (response) => void response.socket?.resetAndDestroy()],
  ['closed without a word', (response) => void response.socket?.destroy()],
  [
    'cut in half',
    (response) => void response.writeHead(200, { 'content-length': '100' }).write('{"a', () => response.destroy()),
  ],
])(
  'a connection that is %s after the request may have made an order; the SDK may not ask again',
  async (_how, answer) => {
    const gateway = await startScriptedGateway();
    gateway.answerWith(answer);
    expect(await createQr(gateway.adapter)).toEqual(unknown());
    expect(gateway.arrived).toHaveLength(1);
  },
);

test('no redirect is followed: a signed request goes where it was meant to go', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith((response, { headers }) =>
    response.writeHead(307, { location: `http://${headers.host}/elsewhere` }).end(),
  );
  expect(await createQr(gateway.adapter)).toMatchObject(unknown({ providerCode: 'http_307' }));
  expect(gateway.arrived).toHaveLength(1);
});

test('an answer beyond a megabyte is not read', async () => {
  const huge = JSON.stringify({ ...PAID, filler: 'x'.repeat(1_100_000) });
  expect(await asked(signedBody('alipay_trade_query_response', huge))).toEqual(unknown());
});

test('one signal that ends many requests ends them all, and nothing else', async () => {
  const gateway = await startScriptedGateway();
  gateway.answerWith(() => {});
  const abort = new AbortController();
  const answers = Array.from({ length: 8 }, () => createQr(gateway.adapter, abort.signal));
  await expect.poll(() => gateway.arrived.length).toBe(8);
  abort.abort();
  for (const answer of answers) expect(await answer).toEqual(unknown({ reason: 'timeout' }));
  await gateway.adapter.dispose();
});

test('loading the SDK leaves the sockets of the process as they were', () => {
  const error = new Error('shared by two');
  for (const socket of [new Socket(), new Socket()]) {
    socket.on('error', () => {});
    expect(() => socket.destroy(error)).not.toThrow();
  }
});

test('connections are kept for the next request', async () => {
  const gateway = await startScriptedGateway();
  const ports = new Set<number | undefined>();
  gateway.answerWith((response) => {
    ports.add(response.socket?.remotePort);
    response.end(signedBody('alipay_trade_query_response', JSON.stringify(PAID)));
  });
  for (let i = 0; i < 5; i += 1) expect((await gateway.adapter.query(ORDER, patient())).ok).toBe(true);
  // undici may open a second one while it still tidies up after the first answer.
  expect(ports.size).toBeLessThan(3);
});

async function startPlainServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
