import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Notice, RawCallback, RefundRequest } from '../../src/channel/index.ts';
import { aPaidOrder, aRefund, ask, calledBack, decided, refundCallback, send, settle } from './channel-refund-stage.ts';
import { type ChannelStage, type Placed, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt, withCredential } from './channel-subject.ts';
import {
  doubled,
  flippedEverywhere,
  proofFlipped,
  signedText,
  withoutProof,
  withProof,
  withSignedText,
} from './channel-tampering.ts';

/** Callbacks about refunds: what they say, and that nobody else can say it. */
export function describeRefundCallbacks(subject: ChannelSubject): void {
  const { callbackProof: proof } = subject;
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const read = async (raw: RawCallback): Promise<readonly Notice[]> => {
    const parsed = await stage.adapter.parseCallback(raw, patience());
    if (!parsed.ok) throw new Error(`the callback was refused: ${parsed.error}`);
    return parsed.value;
  };
  const judge = async (raw: RawCallback, adapter = stage.adapter) => {
    const parsed = await adapter.parseCallback(raw, patience());
    return parsed.ok ? 'believed' : parsed.error;
  };
  const expectRefused = async (raw: RawCallback, what: string): Promise<void> => {
    expect(await judge(raw), what).not.toBe('believed');
  };
  /** The one notice of a refund in a callback: it names our number, and nothing that is not ours. */
  const noticeIn = async (raw: RawCallback, request: RefundRequest) => {
    const notices = (await read(raw)).filter((notice) => notice.kind === 'refund');
    const [notice] = notices;
    if (notice === undefined) throw new Error('no notice of a refund');
    expect(notices).toHaveLength(1);
    expect(notice.refundRef).toBe(request.refundRef);
    expect([null, request.order.providerRef]).toContain(notice.providerRef);
    expect([null, stage.adapter.account]).toContain(notice.observation.account);
    return notice.observation;
  };
  const aMadeRefund = async (): Promise<{ paid: Placed; request: RefundRequest; raw: RawCallback }> => {
    const paid = await aPaidOrder(stage);
    const request = aRefund(paid);
    await send(stage, request);
    await decided(stage, request);
    return { paid, request, raw: await refundCallback(stage, request, 'succeeded') };
  };

  test('tell of a refund that was made, as a query does', async () => {
    const { request, raw } = await aMadeRefund();
    const told = await noticeIn(raw, request);
    expect(told).toMatchObject({ state: 'succeeded', error: null });
    expect([null, request.amount]).toContainEqual(told.amount);
    const seen = await ask(stage, request);
    if (told.channelRefundNo !== null && seen.channelRefundNo !== null)
      expect(told.channelRefundNo).toBe(seen.channelRefundNo);
  });

  test('go where the provider was told to send them', async () => {
    const { request, raw } = await aMadeRefund();
    const own = new URL(request.callbackUrl).pathname;
    expect(raw.target.split('?')[0]).toBe(subject.provider.callbackUrl === 'per_request' ? own : '/callbacks/one');
  });

  test.each(calledBack(subject))('tell that a pending refund has %s', async (outcome) => {
    const request = aRefund(await aPaidOrder(stage));
    stage.host.control.faults('one', { refunds: 'pending' });
    await send(stage, request);
    await settle(stage, request, outcome);
    const told = await noticeIn(await refundCallback(stage, request, outcome), request);
    expect(told.error).toEqual(outcome === 'succeeded' ? null : expect.objectContaining({ kind: expect.any(String) }));
  });

  test('never say of a refunded order that it was not paid, and never that it was paid with another sum', async () => {
    const { paid } = await aMadeRefund();
    for (const raw of stage.receiver.received.filter(({ target }) => target.startsWith('/callbacks/'))) {
      for (const notice of (await read(raw)).filter(({ providerRef }) => providerRef === paid.request.providerRef)) {
        if (notice.kind === 'refund') continue;
        expect(['succeeded', 'approved', 'unclear']).toContain(notice.observation.state);
        expect([null, paid.request.amount]).toContainEqual(notice.observation.amount);
      }
    }
  });

  test('say the same twice when they are read twice', async () => {
    const { raw } = await aMadeRefund();
    expect(await read(raw)).toEqual(await read(raw));
  });

  test('are repeated until they are acknowledged', async () => {
    const paid = await aPaidOrder(stage);
    await stage.paidCallback(paid);
    const counts = () => {
      const { callbacksSent: sent, callbacksAcked: acked } = stage.book(paid.request.providerRef) ?? expect.fail();
      return { sent, acked };
    };
    await expect.poll(counts).toSatisfy(({ sent, acked }) => sent === acked);
    const before = counts();
    let told = 0;
    stage.receive(async (raw) => {
      if ((await read(raw)).some(({ kind }) => kind === 'refund')) told += 1;
      return told === 1 ? 'refused' : 'durable';
    });
    await send(stage, aRefund(paid));
    await expect.poll(() => told, { timeout: 10_000 }).toBeGreaterThan(1);
    await expect.poll(counts).toSatisfy(({ sent, acked }) => acked > before.acked && sent === acked + 1);
  });

  test('tell another sum than the one that was sent as it is, or none', async () => {
    const request = aRefund(await aPaidOrder(stage));
    stage.host.control.faults('one', { wrong_amount: true });
    await send(stage, request);
    const told = await noticeIn(await refundCallback(stage, request, 'succeeded'), request);
    expect(told.amount).not.toEqual(request.amount);
  });

  describe('are refused', () => {
    let genuine: RawCallback;
    beforeAll(async () => {
      genuine = (await aMadeRefund()).raw;
    });

    test('with one flipped bit anywhere in what is signed', async () => {
      for (const { raw, at } of flippedEverywhere(genuine, proof)) await expectRefused(raw, `bit at byte ${at}`);
      expect(await judge(genuine), 'as it was').toBe('believed');
    });

    test.each(proof.names)('with a flipped bit in %s, without it, with another, or with it twice', async (name) => {
      for (const { raw, at } of proofFlipped(genuine, proof, name)) await expectRefused(raw, `bit at character ${at}`);
      await expectRefused(withoutProof(genuine, proof, name), 'missing');
      for (const wrong of ['', '0', 'AAAA']) await expectRefused(withProof(genuine, proof, name, wrong), wrong);
      await expectRefused(doubled(genuine, proof, name), 'twice');
    });

    test('when they are cut, or longer than they were', async () => {
      const text = signedText(genuine, proof);
      for (const spoilt of ['', text.slice(0, text.length / 2), text.slice(0, -1), `${text} `, `${text}${text}`])
        await expectRefused(withSignedText(genuine, proof, spoilt), spoilt.slice(-10));
    });

    test("when they are signed with somebody else's key", async () => {
      const request = aRefund(await aPaidOrder(stage));
      stage.host.control.faults('one', { wrong_signature: true });
      const before = stage.receiver.received.length;
      await send(stage, request);
      const since = () => stage.receiver.received.slice(before);
      await expect.poll(() => since().length).toBeGreaterThan(0);
      for (const raw of since()) expect(await judge(raw)).toBe('bad_signature');
    });

    const { callbackWindowMs } = subject;
    if (typeof callbackWindowMs === 'number') {
      test('when they are replayed after their time', async () => {
        for (const shift of [callbackWindowMs + 60_000, -callbackWindowMs - 60_000]) {
          stage.shiftClock(shift);
          expect(await judge({ ...genuine, receivedAt: stage.now() }), `${shift} ms`).toBe('stale');
        }
      });
    }

    test("when they are another account's, also under a common key", async () => {
      const foreign = await aForeignCallback(stage);
      const theirs = stage.host.credentials('two');
      expect(await judge(foreign, stage.openAdapter(theirs)), 'by their own account').toBe('believed');
      expect(['bad_signature', 'foreign_account']).toContain(await judge(foreign));
      await expectRefused({ ...foreign, target: genuine.target }, 'our address');
      // A provider may leave an account field out of what it says of refunds, but never all of them.
      const verdicts: string[] = [];
      for (const field of subject.accountFields) {
        const ours = credentialAt(stage.host.credentials('one'), [field]);
        verdicts.push(await judge(foreign, stage.openAdapter(withCredential(theirs, [field], ours))));
      }
      if (verdicts.length > 0) expect(verdicts).toContain('foreign_account');
    });
  });
}

async function aForeignCallback(stage: ChannelStage): Promise<RawCallback> {
  const [wish] = stage.subject.creates;
  if (wish === undefined) throw new Error('the subject names no creates');
  const placed = await stage.place(wish, 'two');
  await stage.pay(placed, {}, 'two');
  const adapter = stage.openAdapter(stage.host.credentials('two'));
  const seen = await adapter.query(placed.order, patience());
  const channelTradeNo = seen.ok ? seen.value.channelTradeNo : null;
  const request = aRefund({ ...placed, order: { ...placed.order, channelTradeNo } });
  const sent = await adapter.refund(request, patience());
  if (!sent.ok) throw new Error(`the refund failed: ${JSON.stringify(sent.error)}`);
  return refundCallback(stage, request, 'succeeded', adapter);
}
