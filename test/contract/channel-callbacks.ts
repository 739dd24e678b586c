import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RawCallback } from '../../src/channel/index.ts';
import type { Observation } from '../../src/payment/index.ts';
import { acknowledge, type ChannelStage, type Placed, patience, startChannelStage } from './channel-stage.ts';
import type { ChannelSubject } from './channel-subject.ts';

/** Genuine callbacks: what they say, and what becomes of our answer to them. */
export function describeCallbacks(subject: ChannelSubject): void {
  let stage: ChannelStage;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const read = async (raw: RawCallback, { request }: Placed): Promise<Observation> => {
    const parsed = await stage.adapter.parseCallback(raw, patience());
    if (!parsed.ok) throw new Error(`the callback was refused: ${parsed.error}`);
    expect(parsed.value).toMatchObject([{ kind: 'order', providerRef: request.providerRef }]);
    const [notice] = parsed.value;
    return notice?.kind === 'order' ? notice.observation : expect.fail('no notice of the order');
  };
  const book = ({ request }: Placed) => stage.book(request.providerRef) ?? expect.fail('no such order');
  const tellsOf = async (raw: RawCallback, { request }: Placed): Promise<boolean> => {
    const parsed = await stage.adapter.parseCallback(raw, patience());
    return parsed.ok && parsed.value.some(({ providerRef }) => providerRef === request.providerRef);
  };
  const somethingElseWasCalledBack = async (wish: (typeof subject.creates)[number]): Promise<void> => {
    const later = await stage.place(wish);
    await stage.pay(later);
    await stage.paidCallback(later);
  };

  describe.each(subject.creates)('$method as $scene', (wish) => {
    test('the callback of a paid order names order, account, amount, trade number and time, as a query does', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      const observation = await read(await stage.paidCallback(placed), placed);
      expect(observation).toMatchObject({
        state: 'succeeded',
        account: stage.adapter.account,
        amount: wish.amount,
        channelTradeNo: expect.stringMatching(/^\S+$/),
      });
      if (subject.paidAt === 'never_told') expect(observation.paidAt).toBeNull();
      else expect(Math.abs((observation.paidAt ?? 0) - (book(placed).paidAt ?? 0))).toBeLessThanOrEqual(1000);
      const queried = await stage.adapter.query(placed.order, patience());
      expect(queried).toMatchObject({ ok: true, value: { channelTradeNo: observation.channelTradeNo } });
    });

    test('a callback goes where the provider was told to send it', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      const { target } = await stage.paidCallback(placed);
      const own = new URL(placed.request.callbackUrl).pathname;
      const path = target.split('?')[0];
      expect(path).toBe(subject.provider.callbackUrl === 'per_request' ? own : '/callbacks/one');
    });

    test('a callback that is read twice says the same twice', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      const raw = await stage.paidCallback(placed);
      expect(await read(raw, placed)).toEqual(await read(raw, placed));
    });

    test('another sum than the one asked for is told as it is', async () => {
      const placed = await stage.place(wish);
      await stage.open(placed);
      stage.host.control.faults('one', { wrong_amount: true });
      await stage.pay(placed);
      const { amount } = await read(await stage.paidCallback(placed), placed);
      expect(amount?.minor).not.toBe(wish.amount.minor);
    });

    test('an acknowledged callback is not repeated', async () => {
      const placed = await stage.place(wish);
      await stage.pay(placed);
      await stage.paidCallback(placed);
      await expect.poll(() => book(placed)).toSatisfy((order) => order.callbacksAcked === order.callbacksSent);
      const { callbacksSent } = book(placed);
      await somethingElseWasCalledBack(wish);
      expect(book(placed).callbacksSent).toBe(callbacksSent);
    });

    test('a refused callback is repeated, and the repeat verifies', async () => {
      const placed = await stage.place(wish);
      let told = 0;
      stage.receive(async (raw) => {
        if (await tellsOf(raw, placed)) told += 1;
        return told <= 2 ? 'refused' : 'durable';
      });
      await stage.pay(placed);
      const first = await stage.paidCallback(placed);
      await expect.poll(() => book(placed).callbacksAcked, { timeout: 10_000 }).toBeGreaterThan(0);
      expect(told).toBeGreaterThan(2);
      const repeat = repeatsOf(stage, first).at(-1) ?? expect.fail('no repeat');
      expect(await read(repeat, placed)).toMatchObject({ state: 'succeeded', amount: wish.amount });
    });

    test('a callback that overtakes the answer to the create verifies', async () => {
      stage.host.control.faults('one', { callback_before_answer: true });
      const placed = await stage.place(wish);
      await stage.open(placed); // an offline create is paid when the buyer opens it
      await stage.settle(placed);
      expect(await read(await stage.paidCallback(placed), placed)).toMatchObject({ state: 'succeeded' });
    });
  });

  test('a refusal is no 2xx and holds no word that a provider could take for success', () => {
    const { status, body } = acknowledge(stage.adapter, 'refused');
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toMatch(/success|ok/i);
  });

  test('what concerns no order is acknowledged as what is durable', () => {
    expect(stage.adapter.acknowledge({ kind: 'irrelevant' })).toEqual(acknowledge(stage.adapter, 'durable'));
    expect(acknowledge(stage.adapter, 'durable').status).toBeLessThan(300);
  });
}

/** Everything that came to the same place and, where one place serves a whole account, about the same order. */
function repeatsOf({ receiver }: ChannelStage, first: RawCallback): readonly RawCallback[] {
  return receiver.received.filter(({ target }) => target === first.target);
}
