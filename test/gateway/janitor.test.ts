import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createJanitor } from '../../src/gateway/janitor.ts';
import { openTemporaryStore } from '../store/sqlite/temporary.ts';
import { recordingTelemetry } from './reports.ts';
import { HOUR, NEW_YEAR, SECOND } from './stage.ts';

const temporary = { current: openTemporaryStore() };
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await temporary.current.dispose();
});

test('keys of the last seven days are kept, older ones are taken away within the hour, also when they are many', async () => {
  const { store } = temporary.current;
  const { telemetry } = recordingTelemetry();
  const old = { merchantId: 'm_demo', requestHash: 'one', subject: 's', now: NEW_YEAR };
  await Promise.all(Array.from({ length: 1_200 }, (_, i) => store.reserveKey({ ...old, key: `old-${i}` })));
  const now = NEW_YEAR + 7 * 24 * HOUR + 1;
  await store.reserveKey({ ...old, key: 'young', now: now - HOUR });
  const janitor = createJanitor({ store, telemetry, clock: { now: () => now } });
  janitor.start();
  await vi.advanceTimersByTimeAsync(HOUR + SECOND);
  janitor.stop();
  expect(vi.getTimerCount()).toBe(0);
  const another = { ...old, requestHash: 'another' };
  expect(await store.reserveKey({ ...another, key: 'old-0' })).toEqual({ outcome: 'reserved' });
  expect(await store.reserveKey({ ...another, key: 'old-1199' })).toEqual({ outcome: 'reserved' });
  expect(await store.reserveKey({ ...another, key: 'young' })).toEqual({ outcome: 'conflict' });
});
