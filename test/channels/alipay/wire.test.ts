import type { ServerResponse } from 'node:http';
import { type connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ChannelAdapter } from '../../../src/channel/index.ts';
import { money } from '../../../src/payment/index.ts';
import { aKeyPair } from './notice.ts';
import {
  openAdapter,
  type ScriptedGateway,
  signatureOf,
  signedBody,
  startScriptedGateway,
} from './scripted-gateway.ts';
import { patient } from './stage.ts';

const REF = '01jzzzzzzzzzzzzzzzzzzzzzzz01';
const ORDER = { providerRef: REF, channelTradeNo: null, amount: money(1050, 'CNY') };
const PAID = {
  code: '10000',
  msg: 'Success',
  out_trade_no: REF,
  trade_no: '2026',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '10.50',
};

const createQr = (adapter: ChannelAdapter, signal = patient()) =>
  adapter.create(
    {
      ...ORDER,
      method: 'alipay',
      scene: 'qr',
      subject: 'a key',
      expiresAt: Date.now() + 900_000,
      callbackUrl: 'http://127.0.0.1/callbacks/alipay-main/token',
      returnUrl: 'http://127.0.0.1/pay',
      buyer: { ip: null },
    },
    signal,
  );

/** Asks a query of a gateway that answers every request with this body. */
async function asked(body: string, gateway?: ScriptedGateway) {
  const at = gateway ?? (await startScriptedGateway());
  at.answerWith((response) => response.end(body));
  return at.adapter.query(ORDER, patient());
}

const unknown = (set: object = {}) => ({
  ok: false,
  error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: null, ...set },
});
const notSent = (set: object = {}) => ({
  ok: false,
  error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: null, ...set },
});
const FORGED = unknown({ reason: 'forged_response' });

test('a signed answer is read', async () => {
  expect(await asked(signedBody('alipay_trade_query_response', JSON.stringify(PAID)))).toEqual({
    ok: true,
    value: {
      state: 'succeeded',
      account: '2021000000000001',
      amount: { minor: 1050, currency: 'CNY' },
      channelTradeNo: '2026',
      paidAt: null,
      error: null,
    },
  });
});

test('an answer without a signature, with an empty, a foreign or a misplaced one is forged', async () => {
  const key = 'alipay_trade_query_response';
  const content = JSON.stringify(PAID);
  const sign = signatureOf(content);
  const bodies = [
    `{"${key}":${content}}`,
    `{"${key}":${content},"sign":""}`,
    `{"${key}":${content},"sign":null}`,
    `{"${key}":${content},"sign":7}`,
    `{"${key}":${content},"Sign":"${sign}"}`,
    `{"${key}":${content.replace('10.50', '10.51')},"sign":"${sign}"}`,
    `{"${key}":"${sign}","sign":"${sign}"}`,
    signedBody(key, content, aKeyPair()),
    signedBody('alipay_trade_close_response', content),
  ];
  const gateway = await startScriptedGateway();
  for (const body of bodies.slice(0, -1)) expect(await asked(body, gateway), body).toEqual(FORGED);
  expect(await asked(bodies.at(-1) ?? '', gateway)).toMatchObject(unknown());
});

test('a second copy of the response key cannot smuggle unsigned content past the signature', async () => {
  const open = JSON.stringify({ ...PAID, trade_status: 'WAIT_BUYER_PAY' });
  const genuine = signedBody('alipay_trade_query_response', open).slice(0, -1);
  const smuggled = [
    `${genuine},"alipay_trade_query_response":${JSON.stringify(PAID)}}`,
    `${genuine},"alipay_trade_query_respons\\u0065":${JSON.stringify(PAID)}}`,
    `{"alipay_trade_query_response":${JSON.stringify(PAID)},${genuine.slice(1)}}`,
  ];
  const gateway = await startScriptedGateway();
  for (const body of smuggled) {
    const seen = await asked(body, gateway);
    expect(seen.ok && seen.value.state === 'succeeded', body).toBe(false);
  }
});

test('a genuine answer about another order is not taken for ours', async () => {
  const other = JSON.stringify({ ...PAID, out_trade_no: '01jzzzzzzzzzzzzzzzzzzzzzzz02' });
  expect(await asked(signedBody('alipay_trade_query_response', other))).toEqual(FORGED);
  const gateway = await startScriptedGateway();
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_close_response', other)));
  expect(await gateway.adapter.close(ORDER, patient())).toEqual(FORGED);
  const qr = JSON.stringify({ code: '10000', out_trade_no: 'another', qr_code: 'https://qr.alipay.com/x' });
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_precreate_response', qr)));
  expect(await createQr(gateway.adapter)).toEqual(FORGED);
});

test.each([
  ['isv.invalid-signature', '40002', { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  ['isv.app-call-limited', '40005', { kind: 'RATE_LIMITED', created: 'no' }],
  ['isv.invalid-format', '40002', { kind: 'INVALID_REQUEST', created: 'no' }],
  ['ACQ.SYSTEM_ERROR', '20000', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.TRADE_NOT_EXIST', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' }],
  ['ACQ.BUYER_SELLER_EQUAL', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' }],
])(
  'an unsigned error_response %s is believed only where it refuses at the entrance',
  async (sub_code, code, expected) => {
    const content = JSON.stringify({ code, msg: 'x', sub_code });
    const gateway = await startScriptedGateway();
    for (const body of [`{"error_response":${content}}`, signedBody('error_response', content)]) {
      expect(await asked(body, gateway), body).toMatchObject({ ok: false, error: expected });
    }
  },
);

test.each(['', 'OK', '<html>sorry</html>', '[]', 'null', '7', '{"alipay_trade_query_response":{"code":"10000"'])(
  'a body that is no answer (%j) settles nothing',
  async (body) => {
    expect(await asked(body)).toMatchObject(unknown());
  },
);

test('a signed success without what it must say settles nothing', async () => {
  const gateway = await startScriptedGateway();
  const content = '{"code":"10000"}';
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_precreate_response', content)));
  expect(await createQr(gateway.adapter)).toEqual(unknown());
  expect(await asked(signedBody('alipay_trade_query_response', content), gateway)).toEqual(unknown());
});

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

test('an answer beyond a quarter of a megabyte is not read', async () => {
  const huge = JSON.stringify({ ...PAID, filler: 'x'.repeat(300_000) });
  expect(await asked(signedBody('alipay_trade_query_response', huge))).toEqual(unknown());
});

test('the time on a request is in GMT+8, whatever the zone of the machine', async () => {
  const gateway = await startScriptedGateway();
  await gateway.adapter.probe(patient());
  const [arrived] = gateway.arrived;
  const sentAt = Date.parse(`${arrived?.query.get('timestamp')?.replace(' ', 'T')}+08:00`);
  expect(Math.abs(sentAt - Date.now())).toBeLessThan(60_000);
  expect(arrived?.query.get('sign_type')).toBe('RSA2');
});

test('a probe asks for a number that nobody was ever given', async () => {
  const gateway = await startScriptedGateway();
  const answerCode = (code: string, sub_code: string) =>
    gateway.answerWith((response) =>
      response.end(signedBody('alipay_trade_query_response', JSON.stringify({ code, sub_code }))),
    );
  answerCode('40004', 'ACQ.TRADE_NOT_EXIST');
  expect(await gateway.adapter.probe(patient())).toEqual({ ok: true, value: undefined });
  expect(gateway.arrived[0]?.form.get('biz_content')).toMatch(/^\{"out_trade_no":"probe_[0-9a-f]{24}"\}$/);
  answerCode('20000', 'ACQ.SYSTEM_ERROR');
  expect(await gateway.adapter.probe(patient())).toMatchObject({
    ok: false,
    error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN' },
  });
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

async function startPlainServer(onConnection: (socket: ReturnType<typeof connect>) => void): Promise<number> {
  const sockets = new Set<ReturnType<typeof connect>>();
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
