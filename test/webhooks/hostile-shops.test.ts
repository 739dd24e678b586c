import { createSocket } from 'node:dgram';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WebhookAnswer, WebhookRequest } from '../../src/gateway/index.ts';
import { askNameServers } from '../../src/webhooks/resolve.ts';
import { createWebhookSender } from '../../src/webhooks/sender.ts';
import { keepShops } from './shops.ts';

const shops = keepShops();
const cleanUps: (() => Promise<void>)[] = [];
let sender = createWebhookSender();
beforeEach(() => {
  sender = createWebhookSender();
});
afterEach(async () => {
  await sender.close();
  await shops.close();
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const send = (set: Partial<WebhookRequest>): Promise<WebhookAnswer> =>
  sender.send(
    {
      ...{ url: 'http://127.0.0.1:1/', headers: {}, body: '{}', timeoutMs: 5_000 },
      ...{ allowPrivateAddresses: true, allowHttp: true },
      ...set,
    },
    new AbortController().signal,
  );

/** A server below HTTP, on a free port. */
async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

describe('an answer', () => {
  test('that drips, so that no single wait is long, is cut off when the time of the delivery is over', async () => {
    const shop = await shops.open((response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await send({ url: shop.url, timeoutMs: 300 })).toEqual({ outcome: 'failed', reason: 'TimeoutError' });
  });

  test('whose headers drip is cut off, too', async () => {
    const port = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 20);
        socket.on('close', () => clearInterval(drip));
      }),
    );
    const answer = await send({ url: `http://127.0.0.1:${port}/`, timeoutMs: 300 });
    expect(answer).toEqual({ outcome: 'failed', reason: 'TimeoutError' });
  });

  test('with endless headers is given up after a few kilobytes', async () => {
    const port = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.write(`HTTP/1.1 200 OK\r\n${`X-Much: ${'x'.repeat(1_000)}\r\n`.repeat(64)}`);
      }),
    );
    const answer = await send({ url: `http://127.0.0.1:${port}/` });
    expect(answer).toEqual({ outcome: 'failed', reason: 'UND_ERR_HEADERS_OVERFLOW' });
  });

  test('that is a gzip bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(8_000_000, '{"fulfilment":"delivered"}'));
    const shop = await shops.open((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const answer = await send({ url: shop.url });
    expect(answer).toMatchObject({ outcome: 'answered', status: 200 });
    expect('body' in answer ? answer.body.length : 0).toBeLessThanOrEqual(4_096);
    expect('body' in answer ? answer.body : '').not.toContain('fulfilment');
    expect(shop.requests[0]?.headers['accept-encoding']).toBeUndefined();
  });

  test('under a certificate that nobody vouches for is not taken', async () => {
    const port = await listening(
      createTlsServer({ key: SELF_SIGNED_KEY, cert: SELF_SIGNED_CERTIFICATE }, (socket) => socket.end()).on(
        'tlsClientError',
        () => {},
      ),
    );
    const answer = await send({ url: `https://localhost:${port}/` });
    expect(answer).toEqual({ outcome: 'failed', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });
});

describe('a shop behind https', () => {
  async function openSecureShop(answer = 'success') {
    const seen: string[] = [];
    const server = createHttpsServer({ key: SELF_SIGNED_KEY, cert: SELF_SIGNED_CERTIFICATE }, (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (answer === '') return;
      response
        .writeHead(answer === 'success' ? 200 : 302, answer === 'success' ? {} : { location: answer })
        .end(answer);
    });
    server.on('tlsClientError', () => {});
    return { seen, port: await listening(server) };
  }
  const anyCertificate = { method: 'GET', body: '', verifyTls: false } as const;
  const asked = { ...anyCertificate, followsToHttps: true } as const;

  test('is believed under any certificate where its merchant is configured so', async () => {
    const { port, seen } = await openSecureShop();
    const url = `https://localhost:${port}/notify?a=1`;
    expect(await send({ ...asked, url })).toEqual({ outcome: 'answered', status: 200, body: 'success' });
    expect(await send({ method: 'GET', url })).toMatchObject({ outcome: 'failed' });
    expect(seen).toEqual(['GET /notify?a=1']);
  });

  test('is reached from http by one redirect to the same address, within one time', async () => {
    const secure = await openSecureShop();
    let location = '';
    const plain = await shops.open((response) => response.writeHead(301, { location }).end());
    const url = `http://localhost:${plain.port}/notify?sign=a%20b`;
    location = `https://localhost:${secure.port}/notify?sign=a%20b`;
    expect(await send({ ...asked, url })).toEqual({ outcome: 'answered', status: 200, body: 'success' });
    expect(secure.seen).toEqual(['GET /notify?sign=a%20b']);
    expect(await send({ ...anyCertificate, url })).toMatchObject({ status: 301 });
    for (const elsewhere of ['/notify', '/other?sign=a%20b', '/notify?sign=a%20b&x=1']) {
      location = `https://localhost:${secure.port}${elsewhere}`;
      expect(await send({ ...asked, url })).toMatchObject({ status: 301 });
    }
    location = `https://127.0.0.1:${secure.port}/notify?sign=a%20b`;
    expect(await send({ ...asked, url })).toMatchObject({ status: 301 });
    expect(secure.seen).toHaveLength(1);

    const circle = await openSecureShop(url);
    location = `https://localhost:${circle.port}/notify?sign=a%20b`;
    expect(await send({ ...asked, url })).toMatchObject({ status: 302 });
    const silent = await openSecureShop('');
    location = `https://localhost:${silent.port}/notify?sign=a%20b`;
    expect(await send({ ...asked, url, timeoutMs: 300 })).toEqual({ outcome: 'failed', reason: 'TimeoutError' });
  });
});

test.each(['http://user:secret@', 'http://user@'])('a URL with credentials (%s…) is not called', async (start) => {
  const shop = await shops.open((response) => response.end());
  const url = shop.url.replace('http://', start);
  expect(await send({ url })).toEqual({ outcome: 'refused', reason: 'credentials' });
  expect(shop.requests).toEqual([]);
});

test('plain http is refused at the moment of sending where it is not allowed', async () => {
  const shop = await shops.open((response) => response.end());
  expect(await send({ url: shop.url, allowHttp: false })).toEqual({ outcome: 'refused', reason: 'plain_http' });
  expect(shop.requests).toEqual([]);
});

test('deliveries that hang do not make another one to the same host wait for a connection', async () => {
  const shop = await shops.open((response, request) => {
    if (request.url === '/good') response.end('ok');
  });
  const hanging = Array.from({ length: 40 }, () => send({ url: shop.url, timeoutMs: 3_000 }));
  await expect.poll(() => shop.requests.length).toBe(40);
  const answer = await send({ url: shop.url.replace('/notify', '/good'), timeoutMs: 2_000 });
  expect(answer).toMatchObject({ outcome: 'answered', status: 200 });
  await sender.close();
  await Promise.all(hanging);
});

describe('names', () => {
  /** A name server that knows one address for every name, and never answers for names that begin with `hang`. */
  async function openNameServer(address: readonly number[]): Promise<{ server: string; asked: string[] }> {
    const asked: string[] = [];
    const socket = createSocket('udp4');
    socket.on('message', (query, from) => {
      const { name, end } = questionOf(query);
      asked.push(name);
      if (!name.startsWith('hang')) socket.send(answerTo(query, end, address), from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise((resolve) => socket.close(() => resolve())));
    return { server: `127.0.0.1:${socket.address().port}`, asked };
  }

  const ask = (server: string): typeof sender => createWebhookSender(askNameServers([server]));

  test('are asked for at the name server; one that leads inside is refused', async () => {
    const names = await openNameServer([127, 0, 0, 1]);
    await sender.close();
    sender = ask(names.server);
    const shop = await shops.open((response) => response.end());
    const url = `http://rebind.example:${shop.port}/`;
    const answer = await send({ url, allowPrivateAddresses: false });
    expect(answer).toEqual({ outcome: 'refused', reason: 'private_address' });
    expect(new Set(names.asked)).toEqual(new Set(['rebind.example']));
    expect(shop.requests).toEqual([]);
  });

  test('that hang, however many, hold up no other name', async () => {
    const names = await openNameServer([127, 0, 0, 1]);
    await sender.close();
    sender = ask(names.server);
    const guarded = (host: string) =>
      send({ url: `https://${host}/`, allowPrivateAddresses: false, timeoutMs: 60_000 });
    let over = 0;
    const hanging = Array.from({ length: 32 }, (_, i) => guarded(`hang${i}.example`).finally(() => (over += 1)));
    await expect.poll(() => new Set(names.asked).size).toBe(32);
    expect(await guarded('good.example')).toEqual({ outcome: 'refused', reason: 'private_address' });
    expect(over).toBe(0);
    await sender.close();
    await Promise.all(hanging);
  });
});

/** The name of the one question of a query, and where the question ends (RFC 1035, section 4.1.2). */
function questionOf(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5 };
}

/** One A record for a question of type A, and none for any other (RFC 1035, section 4.1). */
function answerTo(query: Buffer, questionEnd: number, address: readonly number[]): Buffer {
  const isA = query.readUInt16BE(questionEnd - 4) === 1;
  const header = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address]);
  return Buffer.concat([header, query.subarray(12, questionEnd), ...(isA ? [record] : [])]);
}

/** Made for this test alone, valid for a hundred years: openssl req -x509 -newkey ec -subj /CN=localhost -days 36500 */
const SELF_SIGNED_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdcWP7H/uS/Tan8EP
dfzKtY0qERaHfIN2BD2nmvghAnOhRANCAASiKneLs88tSXdB+xiiYThS01W6yARb
+2X/Hcs21JZOG4XLvbwsCBxutmJT57E8Y4C+T6e9xE2ivyuh/9Cu8JEd
-----END PRIVATE KEY-----`;
const SELF_SIGNED_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUaDWfi/msr9dqpqyHc17fx7E157owCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEzNDgyMVoYDzIxMjYxMDI5
MTM0ODIxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASiKneLs88tSXdB+xiiYThS01W6yARb+2X/Hcs21JZOG4XLvbwsCBxu
tmJT57E8Y4C+T6e9xE2ivyuh/9Cu8JEdo1MwUTAdBgNVHQ4EFgQUiYR4D+VU1AVy
5JLOrbXQc0RUtsQwHwYDVR0jBBgwFoAUiYR4D+VU1AVy5JLOrbXQc0RUtsQwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBMqvj+eeMmrlyvCWvOPAQz
XEPF+9d5OBUaUL83h61jhAIhAOfLYZCQ27M1cEvoQvecP0ABgMRbj6q3K4ja0ITO
Xk/h
-----END CERTIFICATE-----`;
