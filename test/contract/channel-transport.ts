import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChannelAdapter, ChannelError, CreateRequest, OrderRef } from '../../src/channel/index.ts';
import type { Result } from '../../src/payment/index.ts';
import { aDeadPort, backInTime, isSeen, SIGNAL_MS, SPOILT_ANSWERS, TRANSPORT_FAULTS } from './channel-faults.ts';
import { type ChannelStage, orderOf, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, type CreateCase, credentialAt } from './channel-subject.ts';

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

  /** An order that the provider can be asked for, made while all is well. */
  let known: OrderRef;
  beforeAll(async () => {
    known = (await stage.place(aCase(subject))).order;
  });

  /** Every call that goes over the wire. */
  const calls = (adapter: ChannelAdapter): readonly Call[] => [
    ...online().map((wish): Call => [`create ${wish.scene}`, (signal) => adapter.create(stage.aRequest(wish), signal)]),
    ['query', (signal) => adapter.query(known, signal)],
    ['close', (signal) => adapter.close(known, signal)],
    ['capture', async (signal) => (await adapter.capture?.(known, signal)) ?? adapter.probe(signal)],
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

  /** Where an order is asked for by the provider's number, nobody can pay a lost one before a repeated create tells its link. */
  const asFarAsKnown = async (request: CreateRequest, order: OrderRef): Promise<OrderRef> => {
    if (subject.queriedBy !== 'their_number') return order;
    const again = await stage.adapter.create(request, patience());
    return { ...order, channelTradeNo: again.ok ? again.value.channelTradeNo : null };
  };

  const expectAll = async (adapter: ChannelAdapter, error: Partial<ChannelError>): Promise<void> => {
    for (const [name, call] of calls(adapter)) {
      const result = await backInTime(call(AbortSignal.timeout(SIGNAL_MS)));
      expect(result, name).toMatchObject({ ok: false, error });
      for (const secret of secretsOfOne()) expect(JSON.stringify(result)).not.toContain(JSON.stringify(secret));
    }
  };

  test.each(TRANSPORT_FAULTS)('when $name, nothing is known and an order may exist', async ({ faults }) => {
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

  test.each(
    SPOILT_ANSWERS.map(
      (answer) => [answer, isSeen(subject, answer) ? 'not believed' : 'no different: none is signed so'] as const,
    ),
  )('an answer that is %s is %s', async (answer) => {
    const placed = await stage.place(aCase(subject));
    await stage.pay(placed);
    stage.host.control.faults('one', { answer });
    const error = { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' };
    const expected = isSeen(subject, answer) ? { ok: false, error } : { ok: true };
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
      const canClose = subject.provider.capabilities.includes('close');
      const isThere = wish.exists === undefined || wish.exists === 'at_once';
      const [found, closed] =
        isThere && subject.queriedBy !== 'their_number' ? ['open', canClose ? 'closed' : 'open'] : ['absent', 'absent'];
      const seen = await stage.adapter.query(order, patience());
      expect(seen.ok && seen.value.state).toBe(found);
      expect(await stage.adapter.create(request, patience()), 'the repeat').toMatchObject({ ok: true });
      const ended = await stage.adapter.close(order, patience());
      expect(ended.ok && ended.value.state).toBe(closed);
    }
  });

  test('a lost create that was paid all the same is found paid, where it can be asked about', async () => {
    for (const wish of online()) {
      const { request, order: lost } = await aLostCreate(wish);
      const order = await asFarAsKnown(request, lost);
      expect(await stage.host.control.pay('one', { providerRef: request.providerRef })).toMatchObject({ ok: true });
      await stage.adapter.capture?.(order, patience());
      const expected = { state: 'succeeded', amount: request.amount };
      for (const what of ['query', 'close'] as const) {
        const seen = await stage.adapter[what](order, patience());
        expect(seen).toMatchObject({ ok: true, value: expected });
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
