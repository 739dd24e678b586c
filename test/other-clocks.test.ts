import { expect, test } from 'vitest';
import type { WireExchange } from '../src/channel/index.ts';
import { createOtherClocks } from '../src/other-clocks.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const answer = (responseHeaders: Readonly<Record<string, string>>): WireExchange => ({
  ...{ method: 'GET', url: 'https://provider.example/', requestHeaders: {}, requestBody: '', status: 200 },
  ...{ responseHeaders, responseBody: '', failure: null },
});
const date = 'Thu, 01 Jan 2026 12:03:00 GMT';

test('a provider tells its clock with the last answer that has a date of its own', () => {
  let now = NOON;
  const clocks = createOtherClocks({ now: () => now });
  clocks.noteAnswer('a', answer({ date }));
  clocks.noteAnswer('b', answer({}));
  clocks.noteAnswer('c', answer({ date: 'yesterday' }));
  clocks.noteAnswer('d', answer({ date, age: '900' }));
  expect(clocks.read(null, ['a', 'b', 'c', 'd'])).toEqual([{ against: 'a', kind: 'provider', skew_ms: -180_000 }]);
  expect(clocks.read(null, ['b'])).toEqual([]);
  now += 190_000;
  clocks.noteAnswer('a', answer({ date: 'Thu, 01 Jan 2026 12:03:09 GMT' }));
  expect(clocks.read(null, ['a'])).toMatchObject([{ skew_ms: 1_000 }]);
  now += 16 * 60_000;
  expect(clocks.read(null, ['a'])).toEqual([]);
});

test('of a channel that is gone nothing is kept', () => {
  const clocks = createOtherClocks({ now: () => NOON });
  clocks.noteAnswer('a', answer({ date }));
  clocks.forget('a');
  expect(clocks.read(null, ['a'])).toEqual([]);
});

test('servers that all replicas use come first', () => {
  const clocks = createOtherClocks({ now: () => NOON });
  clocks.noteAnswer('a', answer({ date }));
  expect(clocks.read({ skews: () => new Map([['redis', 12]] as const) }, ['a'])).toMatchObject([
    { against: 'redis', kind: 'server', skew_ms: 12 },
    { against: 'a' },
  ]);
});
