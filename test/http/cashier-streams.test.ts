import type { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createStreams, type StreamBounds } from '../../src/http/cashier/streams.ts';
import type { Payment } from '../../src/payment/index.ts';
import { type Edge, serveEdge } from './serve.ts';
import { aPendingPayment, createStubGateway, observed, withFact } from './stub-gateway.ts';

const OFTEN: StreamBounds = { total: 3, perPayment: 2, readEveryMs: 20, lifeMs: 60_000 };

const later = (payment: Payment, version: number): Payment => ({
  ...withFact(payment, observed(payment, 'succeeded')),
  version,
});

describe('the streams of the pages that are open', () => {
  const look = async ({ status }: Payment) => ({
    ...{ status, stage: status, left_s: 1 },
    poll_ms: status === 'succeeded' ? null : 2_000,
  });
  let stopping: AbortController;
  let gateway: ReturnType<typeof createStubGateway>;
  beforeEach(() => {
    stopping = new AbortController();
    gateway = createStubGateway();
  });
  afterEach(() => stopping.abort());

  const streamsWith = (set: Partial<StreamBounds> = {}) =>
    createStreams({ gateway, stopping: stopping.signal }, { ...OFTEN, ...set });
  const aKeptPayment = (): Payment => {
    const payment = aPendingPayment();
    gateway.payments.set(payment.id, payment);
    return payment;
  };
  const must = (stream: PassThrough | null): PassThrough => {
    if (!stream) throw new Error('refused');
    return stream;
  };
  const textOf = async (stream: PassThrough): Promise<string> => (await stream.setEncoding('utf8').toArray()).join('');

  test('are bounded in all and per payment, and one that closes makes room', async () => {
    const streams = streamsWith();
    const [one, two] = [aKeptPayment(), aKeptPayment()];
    const first = must(streams.listen(one, look));
    must(streams.listen(one, look));
    expect(streams.listen(one, look)).toBeNull();
    must(streams.listen(two, look));
    expect(streams.listen(two, look)).toBeNull();
    first.destroy();
    await expect.poll(() => streams.open()).toBe(2);
    must(streams.listen(two, look));
    stopping.abort();
    expect(streams.listen(one, look)).toBeNull();
  });

  test('tell a change of this process at once, once, and end with the last', async () => {
    const streams = streamsWith({ readEveryMs: 60_000 });
    const payment = aKeptPayment();
    const stream = must(streams.listen(payment, look));
    for (const { onChange } of gateway.watchers) {
      onChange({ ...payment, version: 2 });
      onChange(later(payment, 3));
      onChange(payment);
    }
    const text = await textOf(stream);
    expect(text.match(/"stage":"\w+"/g)).toEqual(['"stage":"pending"', '"stage":"succeeded"']);
    await expect.poll(() => gateway.watchers.size).toBe(0);
  });

  test('find what another process has changed, also after the store could not be read', async () => {
    const streams = streamsWith();
    const payment = aKeptPayment();
    gateway.broken = new Error('the store is away');
    const text = textOf(must(streams.listen(payment, look)));
    gateway.payments.set(payment.id, later(payment, 2));
    gateway.broken = null;
    expect(await text).toContain('"stage":"succeeded"');
  });

  test('leave a page that does not read, and end all when the gateway stops', async () => {
    const streams = streamsWith();
    const payment = aKeptPayment();
    let stage = 0;
    const restless = async () => ({
      status: 'pending',
      stage: `${stage++}`.padEnd(2_000, '.'),
      poll_ms: 2_000,
      left_s: 1,
    });
    must(streams.listen(payment, restless));
    await expect.poll(() => streams.open()).toBe(0);
    const stream = must(streams.listen(payment, look));
    await expect.poll(() => stream.readableLength).toBeGreaterThan('retry: 3000\n\n'.length);
    stopping.abort();
    expect(await textOf(stream)).toContain('"stage":"pending"');
    expect(streams.open()).toBe(0);
  });

  test('do not live for ever', async () => {
    const stream = must(streamsWith({ lifeMs: 0 }).listen(aKeptPayment(), look));
    expect(await textOf(stream)).toMatch(/^retry: 3000\n\ndata: /);
  });
});

describe('over HTTP', () => {
  let edge: Edge;
  beforeEach(async () => {
    edge = await serveEdge();
  });
  afterEach(() => edge.close());
  const open = (id: string, method = 'GET') => fetch(`${edge.url}/pay/${id}/events`, { method });

  test('a stream goes through proxies unbuffered, and a page that leaves is forgotten', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const answer = await open(payment.id);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    expect(edge.gateway.watchers.size).toBe(1);
    await reader?.cancel();
    await expect.poll(() => edge.gateway.watchers.size).toBe(0);
  });

  test('a seventh page of one payment is told to ask instead', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const pages = await Promise.all(Array.from({ length: 7 }, () => open(payment.id)));
    expect(pages.map(({ status }) => status).sort()).toEqual([...Array(6).fill(200), 429]);
    for (const page of pages) await page.body?.cancel();
  });

  test('nothing is kept open for a HEAD, for nobody, or when all is over', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    expect((await open(payment.id, 'HEAD')).status).toBe(405);
    expect((await open('pay_01hxxxxxxxxxxxxxxxxxxxxxxx')).status).toBe(404);
    expect((await open('%00')).status).toBe(404);
    edge.gateway.payments.set(payment.id, later(payment, 2));
    expect((await open(payment.id)).status).toBe(204);
    expect(edge.gateway.watchers.size).toBe(0);
  });

  test('closing the listener ends streams at once instead of waiting for them', async () => {
    const payment = aPendingPayment();
    edge.gateway.payments.set(payment.id, payment);
    const text = (await open(payment.id)).text();
    await expect.poll(() => edge.gateway.watchers.size).toBe(1);
    const closed = edge.close();
    // Cut off, it would be an error; it ends.
    expect(await text).toContain('data: ');
    await closed;
    edge = await serveEdge();
  });
});
