import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { WireExchange } from '../../src/channel/index.ts';
import type { FaultsPatch } from '../../src/channel/sandbox/index.ts';
import { SIGNAL_MS, TRANSPORT_FAULTS } from './channel-faults.ts';
import { aPaidOrder, aRefund } from './channel-refund-stage.ts';
import { type ChannelStage, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt } from './channel-subject.ts';

/** What an adapter hands over for the evidence log: every request once, as it went over the wire, and no secret. */
export function describeRecord(subject: ChannelSubject): void {
  const canRefund = subject.provider.capabilities.includes('refund');
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  /** One of each call at the same time, on an order that is paid. */
  const callEverything = async (signal: () => AbortSignal, faults: FaultsPatch = {}): Promise<void> => {
    const paid = await aPaidOrder(stage);
    stage.host.control.faults('one', faults);
    await Promise.all([
      ...subject.creates.map((wish) => stage.adapter.create(stage.aRequest(wish), signal())),
      stage.adapter.query(paid.order, signal()),
      stage.adapter.close(paid.order, signal()),
      stage.adapter.probe(signal()),
      ...(canRefund ? [stage.adapter.refund(aRefund(paid), signal())] : []),
      ...(canRefund ? [stage.adapter.queryRefund(aRefund(paid), signal())] : []),
    ]);
  };
  const during = async (work: () => Promise<void>) => {
    const [seen, said] = [stage.requests.length, stage.exchanges.length];
    await work();
    return { requests: stage.requests.slice(seen), exchanges: stage.exchanges.slice(said) };
  };

  /** A text as it may be kept. */
  const kept = (text: string): string => {
    const { leftOut } = subject;
    if (leftOut === undefined) return text;
    const secrets = subject.secrets.map((path) => String(credentialAt(stage.host.credentials('one'), path)));
    return secrets.reduce((clean, secret) => clean.replaceAll(secret, leftOut), text);
  };

  test('every request is recorded once, as the provider got it, with the answer', async () => {
    const { requests, exchanges } = await during(() => callEverything(patience));
    const sent = requests.map(({ method, target, body }) => kept(`${method} ${target} ${body.toString('utf8')}`));
    expect(exchanges.map(wireForm).toSorted()).toEqual(sent.toSorted());
    expect(sent.length).toBeGreaterThan(2);
    for (const exchange of exchanges) {
      expect(exchange).toMatchObject({ status: expect.any(Number), failure: null });
      if (exchange.status !== 204) expect(exchange.responseBody, exchange.url).toEqual(expect.any(String));
      expect(Object.keys(exchange.responseHeaders)).not.toEqual([]);
    }
  });

  test.each(TRANSPORT_FAULTS)('when $name, the one request that was tried is recorded', async ({ faults }) => {
    const paid = await aPaidOrder(stage);
    stage.host.control.faults('one', faults);
    const { exchanges } = await during(async () => {
      await stage.adapter.query(paid.order, AbortSignal.timeout(SIGNAL_MS));
    });
    expect(exchanges).toHaveLength(1);
    const [exchange] = exchanges;
    // A whole answer is an answer, whatever it says; anything less is a failure with a short name.
    if (exchange?.status !== null) expect(exchange).toMatchObject({ status: expect.any(Number), failure: null });
    else expect(exchange.failure).toMatch(/^\S{1,60}$/);
    const isAnswered = faults.answer === 'html_502' || faults.error_rate === 1;
    expect(exchange?.status !== null).toBe(isAnswered);
  });

  test('an answer that was not believed is recorded as it came', async () => {
    const paid = await aPaidOrder(stage);
    stage.host.control.faults('one', { answer: 'html_502' });
    const { exchanges } = await during(async () => {
      await stage.adapter.query(paid.order, patience());
    });
    expect(exchanges).toMatchObject([{ status: 502, responseBody: expect.stringContaining('<html>') }]);
  });

  test('every request is recorded in the context of its own call, also over a connection that another call opened', async () => {
    const paid = await aPaidOrder(stage);
    const heard: string[] = [];
    const context = new AsyncLocalStorage<string>();
    stage.onRecord(() => heard.push(context.getStore() ?? 'none'));
    for (const name of ['first', 'second', 'third']) {
      await context.run(name, () => stage.adapter.query(paid.order, patience()));
    }
    expect([...new Set(heard)]).toEqual(['first', 'second', 'third']);
  });

  test('a request that was never tried is not recorded', async () => {
    const { requests, exchanges } = await during(() => callEverything(() => AbortSignal.abort()));
    // Paying the order took requests too; the aborted calls add none.
    expect(exchanges.filter(({ failure }) => failure === null)).toHaveLength(requests.length);
  });

  test('no recorded exchange holds a secret, in whatever way it ended', async () => {
    await callEverything(patience);
    for (const { faults } of TRANSPORT_FAULTS)
      await callEverything(() => AbortSignal.timeout(SIGNAL_MS), faults).finally(() => stage.reset());
    const secrets = subject.secrets.flatMap((path) =>
      tracesOf(String(credentialAt(stage.host.credentials('one'), path))),
    );
    expect(secrets.length).toBeGreaterThan(0);
    for (const exchange of stage.exchanges) {
      const text = JSON.stringify(Object.values(exchange));
      for (const secret of secrets) expect(text.includes(secret), `${exchange.method} ${exchange.url}`).toBe(false);
    }
  });
}

function wireForm({ method, url, requestBody }: WireExchange): string {
  const { pathname, search } = new URL(url);
  return `${method} ${pathname}${search} ${requestBody}`;
}

/** What a secret looks like inside other texts: as it is, in Basic authorization, and a PEM's lines. */
function tracesOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'));
  if (secret.includes('-----BEGIN')) return [...lines, lines.join('')];
  return [secret, Buffer.from(secret).toString('base64').slice(0, -4)];
}
