import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDeliveryLanes, type Leave } from '../../src/gateway/delivery-lanes.ts';

const TIMEOUT_MS = 10_000;
const LIMITS = { perEndpoint: 8, timeoutMs: TIMEOUT_MS };
const written = Promise.resolve(true);
const at = (merchantId: string, endpoint = 'https://shop.example/') => ({ merchantId, endpoint });
const everything = () => true;

/** Takes lanes until there is none, over as many addresses as are given. */
function takeAll(lanes: ReturnType<typeof createDeliveryLanes>, merchantId: string, endpoints: number): Leave[] {
  const taken: Leave[] = [];
  for (let i = 0; i < endpoints; i += 1) {
    for (let leave = lanes.enter(at(merchantId, `e${i}`)); leave; leave = lanes.enter(at(merchantId, `e${i}`))) {
      taken.push(leave);
    }
  }
  return taken;
}

describe('the lanes', () => {
  test('of one address are as many as configured, and come back', () => {
    const lanes = createDeliveryLanes(() => LIMITS);
    const taken = takeAll(lanes, 'm_one', 1);
    expect(taken).toHaveLength(8);
    taken.pop()?.(100);
    expect(lanes.enter(at('m_one', 'e0'))).not.toBeNull();
    expect(lanes.enter(at('m_one', 'e0'))).toBeNull();
  });

  test('of a shop with an address for each order are half of all, so another shop always finds one', () => {
    const lanes = createDeliveryLanes(() => LIMITS);
    expect(takeAll(lanes, 'm_hog', 5_000)).toHaveLength(768);
    expect(takeAll(lanes, 'm_two', 5_000)).toHaveLength(384);
    expect(lanes.enter(at('m_three'))).not.toBeNull();
  });

  test('go on from one address of a shop to the next, so that none is starved by another', () => {
    const lanes = createDeliveryLanes(() => ({ ...LIMITS, perEndpoint: 1 }));
    const first = lanes.enter(at('m_one', 'a'));
    for (const endpoint of ['a', 'b']) {
      for (let i = 0; i < 2; i += 1) {
        lanes.remember(at('m_one', endpoint), { paymentId: 'p', eventId: `${endpoint}${i}`, until: 1, written });
      }
    }
    const order: string[] = [];
    first?.(1);
    for (let turn = lanes.next('m_one', everything); turn; turn = lanes.next('m_one', everything)) {
      order.push(turn.event.eventId);
      turn.leave(1);
    }
    expect(order).toEqual(['a0', 'b0', 'a1', 'b1']);
  });

  test('that are busy but fast are waited for in line, in the order of all who wait', async () => {
    const lanes = createDeliveryLanes(() => ({ ...LIMITS, perEndpoint: 1 }));
    let leave = lanes.enter(at('m_one')) ?? undefined;
    const order: string[] = [];
    for (const name of ['a', 'b']) {
      const line = lanes.standInLine(at('m_one'), `stands ${name}`);
      void line?.turn.then((turn) => {
        order.push(`stands ${name}`);
        leave = turn ?? undefined;
      });
      lanes.remember(at('m_one'), { paymentId: 'p', eventId: `kept ${name}`, until: 1, written });
    }
    for (let i = 0; i < 4; i += 1) {
      leave?.(10);
      const kept = lanes.next('m_one', everything);
      if (kept) order.push(kept.event.eventId);
      leave = kept?.leave ?? leave;
      await Promise.resolve();
    }
    expect(order).toEqual(['stands a', 'kept a', 'stands b', 'kept b']);
  });

  test('are not waited for in line when that would last', () => {
    const lanes = createDeliveryLanes(() => LIMITS);
    const inLine = (endpoint: string) =>
      Array.from({ length: 200 }, (_, i) => lanes.standInLine(at('m_one', endpoint), `${endpoint}${i}`)).filter(
        (line) => line !== null,
      ).length;
    takeAll(lanes, 'm_one', 1)[0]?.(1_500);
    lanes.enter(at('m_one', 'e0'));
    expect(inLine('e0')).toBe(10);
    lanes.enter(at('m_one', 'unknown'));
    expect(inLine('unknown')).toBe(80);
  });

  test('have places in line for one shop that leave some for others, and giving up returns them', async () => {
    const lanes = createDeliveryLanes(() => ({ ...LIMITS, perEndpoint: 2 }));
    lanes.enter(at('m_one'));
    const leave = lanes.enter(at('m_one'));
    leave?.(1);
    const again = lanes.enter(at('m_one'));
    const stand = (i: number) => lanes.standInLine(at('m_one'), `${i}`);
    const standing = Array.from({ length: 2_000 }, (_, i) => stand(i)).filter((line) => line !== null);
    expect(standing).toHaveLength(766);
    expect(lanes.enter(at('m_two'))).not.toBeNull();
    expect(stand(2_000)).toBeNull();
    for (const i of [0, 0, 1]) standing[i]?.giveUp();
    expect(await standing[0]?.turn).toBeNull();
    expect([2_001, 2_002, 2_003].map(stand).map((line) => line !== null)).toEqual([true, true, false]);
    again?.(1);
    expect(lanes.next('m_one', everything)).toBeUndefined();
    expect(await standing[2]?.turn).not.toBeNull();
  });

  test('are not given to an address that is closed', () => {
    const lanes = createDeliveryLanes(() => LIMITS);
    for (const endpoint of ['paused', 'open']) {
      lanes.remember(at('m_one', endpoint), { paymentId: 'p', eventId: endpoint, until: 1, written });
    }
    expect(lanes.next('m_one', (endpoint) => endpoint !== 'paused')?.event.eventId).toBe('open');
    expect(lanes.next('m_one', (endpoint) => endpoint !== 'paused')).toBeUndefined();
  });

  test('whatever comes and goes, no address has more than its share, and what waits is called once, in its order', () => {
    const anyStep = fc.record({
      kind: fc.constantFrom('come', 'leave', 'next'),
      merchantId: fc.constantFrom('m_one', 'm_two'),
      endpoint: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
        const lanes = createDeliveryLanes(() => ({ perEndpoint: 2, timeoutMs: TIMEOUT_MS }));
        const running = new Map<string, Leave[]>();
        const waiting = new Map<string, string[]>();
        const listOf = <T>(map: Map<string, T[]>, key: string): T[] => map.get(key) ?? map.set(key, []).get(key) ?? [];
        for (const [i, { kind, merchantId, endpoint }] of steps.entries()) {
          const key = `${merchantId}/${endpoint}`;
          if (kind === 'come') {
            const leave = lanes.enter({ merchantId, endpoint });
            if (leave) listOf(running, key).push(leave);
            else {
              expect(lanes.comeAgainAt({ merchantId, endpoint }, 1_000)).toBeGreaterThan(1_000 + TIMEOUT_MS);
              lanes.remember({ merchantId, endpoint }, { paymentId: 'p', eventId: `${i}`, until: 1, written });
              listOf(waiting, key).push(`${i}`);
            }
          }
          if (kind === 'leave') running.get(key)?.shift()?.(50);
          const turn = kind === 'next' ? lanes.next(merchantId, everything) : undefined;
          if (turn) {
            const its = `${merchantId}/${turn.endpoint}`;
            listOf(running, its).push(turn.leave);
            expect(turn.event.eventId).toBe(waiting.get(its)?.shift());
          }
          for (const list of running.values()) expect(list.length).toBeLessThanOrEqual(2);
        }
        for (const list of running.values()) for (const leave of list) leave(1);
        const left = [...waiting.values()].flat().length;
        let called = 0;
        for (const merchantId of ['m_one', 'm_two']) {
          for (let turn = lanes.next(merchantId, everything); turn; turn = lanes.next(merchantId, everything)) {
            called += 1;
            turn.leave(1);
          }
        }
        expect(called).toBe(left);
      }),
    );
  });
});

/**
 * One shop that needs so long for each of its events, all of which are there at once. An event that is put off comes again at its
 * time, unless it is called before. Answers how often events were put off, and when the last was delivered.
 */
function queueAt(events: number, durationMs: (now: number) => number): { putOffs: number; overAt: number } {
  const lanes = createDeliveryLanes(() => LIMITS);
  const shop = at('m_one');
  const agenda: { at: number; act: () => void }[] = [];
  const plan = (time: number, act: () => void): void => {
    const later = agenda.findIndex((entry) => entry.at > time);
    agenda.splice(later < 0 ? agenda.length : later, 0, { at: time, act });
  };
  const until = new Map<string, number>();
  let now = 0;
  let putOffs = 0;
  let overAt = 0;
  const deliver = (eventId: string, leave: Leave): void => {
    const tookMs = durationMs(now);
    until.delete(eventId);
    plan(now + tookMs, () => {
      leave(tookMs);
      overAt = now;
      for (let turn = lanes.next('m_one', everything); turn; turn = lanes.next('m_one', everything)) {
        const { eventId: nextId } = turn.event;
        if (until.get(nextId) === turn.event.until) deliver(nextId, turn.leave);
        else turn.leave(null);
      }
    });
  };
  const come = (eventId: string): void => {
    const leave = lanes.enter(shop);
    if (leave) {
      deliver(eventId, leave);
      return;
    }
    putOffs += 1;
    const time = lanes.comeAgainAt(shop, now);
    until.set(eventId, time);
    lanes.remember(shop, { paymentId: 'p', eventId, until: time, written });
    plan(time, () => {
      if (until.get(eventId) === time) come(eventId);
    });
  };
  for (let i = 0; i < events; i += 1) come(`${i}`);
  for (let entry = agenda.shift(); entry; entry = agenda.shift()) {
    now = entry.at;
    entry.act();
  }
  return { putOffs, overAt };
}

describe('a long queue', () => {
  test('of a shop that hangs costs one putting off for each event', () => {
    const { putOffs, overAt } = queueAt(2_000, () => TIMEOUT_MS);
    expect(putOffs).toBeLessThanOrEqual(2_000 * 1.1);
    expect(overAt).toBe((2_000 / 8) * TIMEOUT_MS);
  });

  test('moves on at once when the shop has become fast', () => {
    const { putOffs, overAt } = queueAt(2_000, (now) => (now < 60_000 ? TIMEOUT_MS : 40));
    expect(putOffs).toBeLessThanOrEqual(2_000);
    expect(overAt).toBeLessThan(90_000);
  });

  test('of a shop that becomes slow is put off again only now and then', () => {
    const { putOffs } = queueAt(2_000, (now) => (now < 1_000 ? 40 : TIMEOUT_MS));
    expect(putOffs).toBeLessThanOrEqual(2_000 * 2);
  });

  test('that is longer than what is remembered still costs few puttings off, and ends', () => {
    const { putOffs, overAt } = queueAt(12_000, () => 100);
    expect(putOffs).toBeLessThanOrEqual(12_000 * 2);
    expect(overAt).toBeGreaterThanOrEqual((12_000 / 8) * 100);
    expect(overAt).toBeLessThan(4 * 3_600_000);
  });
});
