import { describe, expect, test } from 'vitest';
import { createSharing, createStatistics, type RoutingNews, type Sharing } from '../../src/routing/index.ts';

const SECOND = 1_000;
const START = Date.UTC(2026, 0, 1);
const SEGMENT = { method: 'alipay', currency: 'CNY', band: 0 };

/** Replicas that hear each other at once, or when the test lets them. */
function open(count: number) {
  const replicas: Sharing[] = [];
  const said: RoutingNews[] = [];
  let at = START;
  for (let i = 0; i < count; i += 1) {
    const inner = createStatistics({
      settingsOf: () => ({ failureRate: 0.5, openForMs: 15_000 }),
      onChange: (channelId, state, method) => replicas[i]?.gateChanged(channelId, method, state),
    });
    const tell = (news: RoutingNews): boolean => {
      said.push(news);
      for (const [k, other] of replicas.entries()) if (k !== i) other.apply(news, at);
      return false;
    };
    replicas.push(createSharing(inner, { follow: () => {} }, tell));
  }
  const pass = (ms: number) => {
    at += ms;
    return at;
  };
  const nth = (i: number): Sharing => replicas[i] ?? replicas[0] ?? never();
  const call = (i: number, outcome: 'ok' | 'failed') => {
    const { statistics } = nth(i);
    statistics.callEnded(statistics.callStarted('a', 'alipay', at), outcome, pass(100), 100);
  };
  const gate = (i: number) => nth(i).statistics.technical.gate('a', 'alipay', at);
  return { nth, call, gate, pass, said, now: () => at };
}

function never(): never {
  throw new Error('no replica');
}

describe('replicas that share what they see', () => {
  test('open together when each of them has seen only one of the failures in a row', () => {
    const { call, gate } = open(4);
    for (let i = 0; i < 4; i += 1) {
      call(i, 'failed');
      call(i, 'failed');
    }
    expect([0, 1, 2, 3].map(gate)).toEqual(['open', 'open', 'open', 'open']);
  });

  test('have one trial for all, and close together', () => {
    const { nth, call, gate, pass, now } = open(3);
    for (let i = 0; i < 8; i += 1) call(0, 'failed');
    pass(3_600 * SECOND);
    expect([0, 1, 2].map(gate)).toEqual(['trial', 'trial', 'trial']);
    const { statistics } = nth(1);
    const ticket = statistics.callStarted('a', 'alipay', now());
    expect([0, 1, 2].map(gate)).toEqual(['open', 'open', 'open']);
    statistics.callEnded(ticket, 'ok', pass(100), 100);
    expect([0, 1, 2].map(gate)).toEqual(['trial', 'trial', 'trial']);
    call(2, 'ok');
    call(0, 'ok');
    expect([0, 1, 2].map(gate)).toEqual(['closed', 'closed', 'closed']);
  });

  test('take a channel out of service together, and put it back when it works for one of them', () => {
    const { nth, pass } = open(2);
    nth(0).statistics.technical.trip('a', ['alipay'], pass(0));
    expect(nth(1).statistics.technical.isOutOfService('a')).toBe(true);
    nth(1).statistics.technical.probe('a', ['alipay'], true, pass(SECOND));
    expect(nth(0).statistics.technical.isOutOfService('a')).toBe(false);
  });

  test('know of orders what one alone would know, wherever they were opened and became known as paid', () => {
    const known = [1, 2].map((count) => {
      const { nth, pass, now } = open(count);
      for (let i = 0; i < 200; i += 1) {
        const at = now();
        nth(i % count).statistics.payments.opened('a', SEGMENT, at, at);
        pass(20 * SECOND);
        if (i % 4 !== 3) nth((i + 1) % count).statistics.payments.paid('a', SEGMENT, at, now());
      }
      const until = pass(2_000 * SECOND);
      return Array.from({ length: count }, (_, i) => nth(i).statistics.payments.estimate('a', SEGMENT, until));
    });
    const [alone, one, other] = known.flat();
    expect(one).toEqual(alone);
    expect(other).toEqual(alone);
    expect(alone?.opened).toBe(200);
    expect(alone?.share).toBeCloseTo(0.75, 1);
  });

  test('do not tell on what they were told', () => {
    const { call, said } = open(3);
    for (let i = 0; i < 8; i += 1) call(0, 'failed');
    expect(said.filter(({ kind }) => kind === 'gate')).toHaveLength(1);
    expect(said.filter(({ kind }) => kind === 'call')).toHaveLength(8);
  });

  test('tell one that has just come what is open', () => {
    const { nth, call } = open(1);
    for (let i = 0; i < 8; i += 1) call(0, 'failed');
    expect(nth(0).standing()).toEqual([{ kind: 'gate', channelId: 'a', method: 'alipay', state: 'open' }]);
  });
});
