import { describe, expect, test } from 'vitest';
import { createChannelWatch } from '../../src/channel-watch.ts';
import { recordingTelemetry } from '../gateway/reports.ts';

const MINUTE = 60_000;
/** 15:00 in UTC+8, nine hours before its day ends. */
const START = Date.UTC(2026, 0, 31, 7);

function open() {
  let at = START;
  const watch = createChannelWatch(() => at);
  const { telemetry, reports } = recordingTelemetry();
  const pass = (ms: number) => {
    at += ms;
    return at;
  };
  const breaker = (state: 'closed' | 'half_open' | 'open', operation = 'create') =>
    watch.breakerChanged({ channelId: 'a', operation, state });
  return { watch, reports, pass, breaker, heard: watch.telemetry(telemetry), seen: () => watch.seen('a') };
}

describe('what is noted of a channel', () => {
  test('passes every report on as it is', () => {
    const { heard, reports } = open();
    heard.channelRequest('a', 'create', 'ok', 12, null);
    heard.callback('a', 'applied');
    heard.captured('a', { minor: 5, currency: 'CNY' });
    heard.warn({ x: 1 }, 'said');
    expect(reports.map(([name]) => name)).toEqual(['channelRequest', 'callback', 'captured', 'warn']);
    expect(reports[0]).toEqual(['channelRequest', 'a', 'create', 'ok', 12, null]);
  });

  test('is since when a breaker is not closed, through its trials, and why', () => {
    const { breaker, pass, heard, seen } = open();
    heard.channelRequest('a', 'probe', 'CHANNEL_UNAVAILABLE', 3, 'ECONNREFUSED');
    const down = pass(1_000);
    breaker('open');
    for (const state of ['half_open', 'open', 'half_open', 'open'] as const) {
      pass(15_000);
      breaker(state);
    }
    expect(seen().breakers.get('create')).toEqual({
      ...{ state: 'open', since: down },
      cause: { operation: 'probe', kind: 'CHANNEL_UNAVAILABLE', code: 'ECONNREFUSED', at: START },
    });
    const up = pass(MINUTE);
    breaker('closed');
    expect(seen().breakers.get('create')).toMatchObject({ state: 'closed', since: up });
    const again = pass(MINUTE);
    breaker('open');
    expect(seen().breakers.get('create')).toMatchObject({ since: again });
  });

  test("takes no decline, no shop's mistake and no missing order for a failure", () => {
    const { heard, seen } = open();
    for (const kind of ['ok', 'DECLINED', 'INVALID_REQUEST', 'RISK_REJECTED', 'NOT_FOUND', 'ALREADY_PAID'] as const) {
      heard.channelRequest('a', 'create', kind, 3, 'x');
    }
    expect(seen().lastFailure).toBeNull();
    heard.channelRequest('a', 'refund', 'INSUFFICIENT_BALANCE', 3, 'NOT_ENOUGH');
    expect(seen().lastFailure).toMatchObject({ operation: 'refund', code: 'NOT_ENOUGH' });
  });

  test('keeps the causes of different operations apart', () => {
    const { heard, breaker, seen } = open();
    heard.channelRequest('a', 'refund_query', 'CHANNEL_TIMEOUT_UNKNOWN', 3);
    heard.channelRequest('a', 'create', 'AUTH_MISCONFIGURED', 3, 'SIGN_ERROR');
    breaker('open', 'query');
    expect(seen().breakers.get('query')?.cause).toMatchObject({ operation: 'refund_query', code: null });
    breaker('open', 'close');
    expect(seen().breakers.get('close')?.cause).toBeNull();
  });

  test('is the last callback that was really its own', () => {
    const { heard, pass, seen } = open();
    heard.callback('a', 'applied');
    pass(MINUTE);
    heard.callback('a', 'bad_signature');
    heard.callback('a', 'unknown_payment');
    expect(seen().lastCallbackAt).toBe(START);
    heard.callback('a', 'duplicate');
    expect(seen().lastCallbackAt).toBe(START + MINUTE);
  });

  test('is the money of this day by currency, from midnight in UTC+8 on', () => {
    const { heard, pass, seen, watch } = open();
    heard.captured('a', { minor: 100, currency: 'CNY' });
    heard.captured('a', { minor: 250, currency: 'CNY' });
    heard.captured('a', { minor: 5, currency: 'USD' });
    expect(Object.fromEntries(seen().today)).toEqual({
      CNY: { count: 2, sumMinor: 350 },
      USD: { count: 1, sumMinor: 5 },
    });
    expect(watch.countedSince()).toBe(START);
    pass(9 * 60 * MINUTE - 1);
    expect(seen().today.size).toBe(2);
    pass(1);
    expect(seen().today.size).toBe(0);
    expect(watch.countedSince()).toBe(Date.UTC(2026, 0, 31, 16));
  });
});
