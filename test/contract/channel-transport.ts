import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelAdapter, ChannelError } from '../../src/channel/index.ts';
import type { FaultsPatch } from '../../src/channel/sandbox/index.ts';
import type { Result } from '../../src/payment/index.ts';
import { anUnknownOrder, type ChannelStage, orderOf, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, type CreateCase, credentialAt } from './channel-subject.ts';

/** The caller's patience where the provider never answers; an adapter has to be back soon after it. */
const SIGNAL_MS = 400;
const BACK_MS = SIGNAL_MS + 2_000;

const FAULTS: readonly { readonly name: string; readonly faults: FaultsPatch }[] = [
  { name: 'the channel is out (outage)', faults: { outage: true } },
  { name: 'the connection is reset before the order is made', faults: { answer: 'reset_before' } },
  { name: 'the connection is reset after the order was made', faults: { answer: 'reset_after' } },
  { name: 'a front answers HTML and 502', faults: { answer: 'html_502' } },
  { name: 'the answer is cut in half', faults: { answer: 'truncated' } },
  { name: 'the answer comes too slowly', faults: { answer: 'slow_body' } },
  { name: 'the provider says that it has an internal error', faults: { error_rate: 1 } },
  { name: 'the provider is slower than we wait', faults: { latency_ms: 60_000 } },
];

type Call = readonly [name: string, run: (signal: AbortSignal) => Promise<Result<unknown, ChannelError>>];

/** What a channel can do to us on the wire is a value that says whether an order may exist (`channels.md` 0.2). */
export function describeTransport(subject: ChannelSubject): void {
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const online = () => subject.creates.filter(({ scene }) => !stage.adapter.createsOffline(scene));
  const offline = () => subject.creates.filter(({ scene }) => stage.adapter.createsOffline(scene));
  const secretsOfOne = () => subject.secrets.map((path) => String(credentialAt(stage.host.credentials('one'), path)));

  /** Every call that goes over the wire. */
  const calls = (adapter: ChannelAdapter): readonly Call[] => [
    ...online().map((wish): Call => [`create ${wish.scene}`, (signal) => adapter.create(stage.aRequest(wish), signal)]),
    ['query', (signal) => adapter.query(anUnknownOrder(aCase(subject)), signal)],
    ['close', (signal) => adapter.close(anUnknownOrder(aCase(subject)), signal)],
    ['probe', (signal) => adapter.probe(signal)],
  ];

  /** The order is made, its answer never comes. */
  const aLostCreate = async (wish: CreateCase) => {
    const request = stage.aRequest(wish);
    stage.host.control.faults('one', { timeout_after_create_rate: 1 });
    const lost = await backInTime(stage.adapter.create(request, AbortSignal.timeout(SIGNAL_MS)));
    expect(lost).toMatchObject({ ok: false, error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' } });
    expect(stage.book(request.providerRef), 'the order was made').toBeDefined();
    stage.host.control.faults('one', {});
    return { request, order: orderOf(request) };
  };

  const expectAll = async (adapter: ChannelAdapter, error: Partial<ChannelError>): Promise<void> => {
    for (const [name, call] of calls(adapter)) {
      const result = await backInTime(call(AbortSignal.timeout(SIGNAL_MS)));
      expect(result, name).toMatchObject({ ok: false, error });
      for (const secret of secretsOfOne()) expect(JSON.stringify(result)).not.toContain(JSON.stringify(secret));
    }
  };

  test.each(FAULTS)('when $name, nothing is known and an order may exist', async ({ faults }) => {
    stage.host.control.faults('one', faults);
    await expectAll(stage.adapter, { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' });
    stage.host.control.faults('one', {});
    expect(await stage.adapter.probe(patience()), 'the channel has recovered').toMatchObject({ ok: true });
  });

  test('when nobody listens, there certainly is no order', async () => {
    const credentials = JSON.stringify(stage.host.credentials('one'));
    const dead = credentials.replaceAll(stage.host.url, `http://127.0.0.1:${await aDeadPort()}`);
    expect(dead).not.toBe(credentials);
    await expectAll(stage.openAdapter(JSON.parse(dead)), { kind: 'CHANNEL_UNAVAILABLE', created: 'no' });
  });

  const spoilt = ['unsigned', 'wrong_key', 'stale'] as const;
  const isSeen = (answer: (typeof spoilt)[number]) =>
    subject.answers === 'timed' || (subject.answers === 'signed' && answer !== 'stale');
  test.each(
    spoilt.map((answer) => [answer, isSeen(answer) ? 'not believed' : 'no different: none is signed so'] as const),
  )('an answer that is %s is %s', async (answer) => {
    const placed = await stage.place(aCase(subject));
    await stage.pay(placed);
    stage.host.control.faults('one', { answer });
    const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' };
    const expected = isSeen(answer) ? { ok: false, error } : { ok: true };
    for (const wish of online()) {
      expect(await stage.adapter.create(stage.aRequest(wish), patience()), wish.scene).toMatchObject(expected);
    }
    for (const what of ['query', 'close'] as const) {
      expect(await stage.adapter[what](placed.order, patience()), what).toMatchObject(expected);
    }
    expect(await stage.adapter.probe(patience()), 'probe').toMatchObject(expected);
  });

  test('a signal that has fired already ends every call at once', async () => {
    for (const [name, call] of calls(stage.adapter)) {
      const result = await backInTime(call(AbortSignal.abort()));
      if (result.ok) throw new Error(`${name} went on`);
      const { kind, created } = result.error;
      expect(['CHANNEL_UNAVAILABLE no', 'CHANNEL_TIMEOUT_UNKNOWN maybe'], name).toContain(`${kind} ${created}`);
    }
  });

  test('"no order" is said of an aborted create only if there is none', async () => {
    for (const wish of online()) {
      const fates = [0, 1, 2, 3, 5, 8, 13].map(async (ms) => {
        const request = stage.aRequest(wish);
        return {
          request,
          result: await stage.adapter.create(request, ms === 0 ? AbortSignal.abort() : AbortSignal.timeout(ms)),
        };
      });
      for (const { request, result } of await Promise.all(fates)) {
        if (result.ok || result.error.created === 'maybe') continue;
        await stage.adapter.probe(patience()); // whatever was on its way has arrived when this is answered
        expect(stage.book(request.providerRef)).toBeUndefined();
      }
    }
  });

  test('a lost create is found where the provider knows of it, can be repeated, and is then the same order', async () => {
    for (const wish of online()) {
      const { request, order } = await aLostCreate(wish);
      const [found, closed] =
        wish.exists === undefined || wish.exists === 'at_once' ? ['open', 'closed'] : ['absent', 'absent'];
      const seen = await stage.adapter.query(order, patience());
      expect(seen.ok && seen.value.state).toBe(found);
      expect(await stage.adapter.create(request, patience()), 'the repeat').toMatchObject({ ok: true });
      const ended = await stage.adapter.close(order, patience());
      expect(ended.ok && ended.value.state).toBe(closed);
    }
  });

  test('a lost create that was paid all the same is found paid', async () => {
    for (const wish of online()) {
      const { request, order } = await aLostCreate(wish);
      expect(await stage.host.control.pay('one', { providerRef: request.providerRef })).toMatchObject({ ok: true });
      for (const what of ['query', 'close'] as const) {
        const seen = await stage.adapter[what](order, patience());
        expect(seen).toMatchObject({ ok: true, value: { state: 'succeeded', amount: request.amount } });
      }
    }
  });

  test('an offline create needs no provider, and makes no order', async () => {
    stage.host.control.faults('one', { outage: true });
    for (const wish of offline()) {
      const { request } = await stage.place(wish);
      expect(stage.book(request.providerRef)).toBeUndefined();
    }
    expect(online().length + offline().length).toBe(subject.creates.length);
  });
}

function aCase({ creates }: ChannelSubject) {
  const [first] = creates;
  if (first === undefined) throw new Error('the subject names no creates');
  return first;
}

async function backInTime<T>(work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the call outlived its signal')), BACK_MS);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function aDeadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
