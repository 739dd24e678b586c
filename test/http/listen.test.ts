import { Agent, createServer, type RequestListener, request } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from '../../src/http/index.ts';
import { rawRequest, sendRaw } from './serve.ts';

const appOf = (handle: RequestListener) => ({ callback: () => handle });
const LOCAL = { host: '127.0.0.1', port: 0 };

/** A request over an agent that keeps its connections, so that the server has idle ones to close. */
function get(url: string, agent: Agent): Promise<{ status: number; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('a port that is in use is named, with what to set', async () => {
  const first = await listen(
    appOf(() => {}),
    LOCAL,
  );
  const port = Number(new URL(first.url).port);
  await expect(
    listen(
      appOf(() => {}),
      { ...LOCAL, port },
    ),
  ).rejects.toThrow(`port ${port} is in use; set PORT`);
  const named = listen(
    appOf(() => {}),
    { ...LOCAL, port, portVariable: 'ADMIN_PORT' },
  );
  await expect(named).rejects.toThrow(`port ${port} is in use; set ADMIN_PORT`);
  await first.close(1_000);
});

test('an address that is not ours is refused in words', async () => {
  await expect(
    listen(
      appOf(() => {}),
      { host: '192.0.2.1', port: 0 },
    ),
  ).rejects.toThrow('not an address of this machine');
});

test('closing lets a request in hand finish and takes no new one', async () => {
  let finish = () => {};
  const busy = Promise.withResolvers<void>();
  const listener = await listen(
    appOf((_request, response) => {
      finish = () => response.end('done');
      busy.resolve();
    }),
    LOCAL,
  );
  const agent = new Agent({ keepAlive: true });
  const inHand = get(listener.url, agent);
  await busy.promise;
  const closed = listener.close(60_000);
  await expect.poll(() => get(listener.url, new Agent()).catch((error) => error.code)).toBe('ECONNREFUSED');
  finish();
  expect((await inHand).status).toBe(200);
  await closed;
  agent.destroy();
});

test('closing does not wait for idle connections', async () => {
  const listener = await listen(
    appOf((_request, response) => response.end('done')),
    LOCAL,
  );
  const agent = new Agent({ keepAlive: true });
  await get(listener.url, agent);
  await listener.close(60_000);
  agent.destroy();
});

test('closing cuts what does not finish in time', async () => {
  const busy = Promise.withResolvers<void>();
  const listener = await listen(
    appOf(() => busy.resolve()),
    LOCAL,
  );
  const hanging = get(listener.url, new Agent()).catch((error) => error.code);
  await busy.promise;
  await listener.close(20);
  expect(await hanging).toBe('ECONNRESET');
});

test('bytes that are no HTTP are answered 400 and the connection ends', async () => {
  const listener = await listen(
    appOf((_request, response) => response.end()),
    LOCAL,
  );
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1', () =>
      socket.write('\u0016\u0003\u0001 hello\r\n\r\n'),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  await listener.close(1_000);
});

test('a link with bytes that should have been escaped is read as if they were, and the answer comes whole', async () => {
  const listener = await listen(
    appOf((request, response) => response.end(`${request.socket.remoteAddress} ${request.url} ${'x'.repeat(100_000)}`)),
    LOCAL,
  );
  const ask = (text: string) => sendRaw(listener.url, text);
  const answer = await ask(rawRequest('GET', '//submit.php?&name=月卡', []));
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain('127.0.0.1 //submit.php?&name=%E6%9C%88%E5%8D%A1 xxx');
  expect(answer).toMatch(/x{100000}/);
  const keptAlive = 'GET /月 HTTP/1.1\r\nHost: gw\r\nConnection: keep-alive\r\n\r\n';
  expect(await ask(keptAlive)).toContain('/%E6%9C%88 xxx');
  for (const odd of [
    rawRequest('POST', '/月', [], 'a=1'),
    `${keptAlive}GET /two HTTP/1.1\r\n\r\n`,
    'GET /月\r\n\r\n',
  ]) {
    expect(await ask(odd)).toMatch(/^HTTP\/1\.1 400 /);
  }
  expect(await ask(rawRequest('GET', '/', [`X: ${'y'.repeat(20_000)}`]))).toMatch(/^HTTP\/1\.1 431 /);
  await listener.close(1_000);
});

test('a closed listener frees its port', async () => {
  const listener = await listen(
    appOf((_request, response) => response.end()),
    LOCAL,
  );
  const port = Number(new URL(listener.url).port);
  await listener.close(1_000);
  const next = createServer();
  await new Promise<void>((resolve) => {
    next.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => {
    next.close(resolve);
  });
});
