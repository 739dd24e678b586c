import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BreakerChange, type BreakerSettings, type Breakers, createBreakers } from '../../src/routing/index.ts';

type Answer = 'ok' | 'declined' | 'unavailable';

const SETTINGS: BreakerSettings = { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 };
const isTechnical = (answer: Answer) => answer === 'unavailable';
const call = (breakers: Breakers, answer: Answer, operation = 'create', channelId = 'alipay-main') =>
  breakers.run(channelId, operation, async () => answer, isTechnical);
const state = (breakers: Breakers) => breakers.state('alipay-main', 'create');

/** A call that ends when the test says so. */
function pendingCall(breakers: Breakers) {
  const answer = Promise.withResolvers<Answer>();
  const result = breakers.run('alipay-main', 'create', () => answer.promise, isTechnical);
  return {
    end: (value: Answer) => {
      answer.resolve(value);
      return result;
    },
    crash: (thrown: Error) => {
      answer.reject(thrown);
      return result;
    },
  };
}

async function many(breakers: Breakers, answer: Answer, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await call(breakers, answer);
}

describe('with a fake clock', () => {
  let settings: BreakerSettings;
  let changes: BreakerChange['state'][];
  let breakers: Breakers;

  beforeEach(() => {
    vi.useFakeTimers();
    settings = SETTINGS;
    changes = [];
    breakers = createBreakers({ settingsOf: () => settings, onChange: (change) => changes.push(change.state) });
  });

  afterEach(() => {
    breakers.dispose();
    vi.useRealTimers();
  });

  test('values pass through unchanged, failures as well', async () => {
    expect(await call(breakers, 'ok')).toEqual({ outcome: 'done', value: 'ok' });
    expect(await call(breakers, 'unavailable')).toEqual({ outcome: 'done', value: 'unavailable' });
  });

  test('it opens when the share of failures is reached, not before, and not below the minimum of calls', async () => {
    await many(breakers, 'unavailable', 3);
    await many(breakers, 'ok', 5);
    await call(breakers, 'unavailable');
    expect(state(breakers)).toBe('closed');
    await call(breakers, 'unavailable');
    expect(state(breakers)).toBe('open');
    expect(changes).toEqual(['open']);
  });

  test('where calls are too few for a rate, four failures in a row open it, and a good call between them does not', async () => {
    await many(breakers, 'unavailable', 3);
    await call(breakers, 'ok');
    await many(breakers, 'unavailable', 3);
    expect(state(breakers)).toBe('closed');
    await call(breakers, 'unavailable');
    expect(state(breakers)).toBe('open');
  });

  test('where calls are many, four failures in a row are no reason', async () => {
    await many(breakers, 'ok', 20);
    await many(breakers, 'unavailable', 6);
    expect(state(breakers)).toBe('closed');
  });

  test('four failures in a row count however far apart they are', async () => {
    for (let i = 0; i < 4; i += 1) {
      expect(state(breakers)).toBe('closed');
      await call(breakers, 'unavailable');
      await vi.advanceTimersByTimeAsync(SETTINGS.windowMs * 3);
    }
    expect(changes[0]).toBe('open');
  });

  test('one failure less than the share leaves it closed', async () => {
    await many(breakers, 'ok', 6);
    await many(breakers, 'unavailable', 3);
    await call(breakers, 'ok');
    await many(breakers, 'unavailable', 3);
    expect(state(breakers)).toBe('closed');
  });

  test('a failure rate of 100% can still open it', async () => {
    settings = { ...SETTINGS, failureRate: 1, minRequests: 3 };
    await many(breakers, 'unavailable', 3);
    expect(state(breakers)).toBe('open');
  });

  test('what is not the fault of the channel never opens it', async () => {
    await many(breakers, 'declined', 100);
    expect(state(breakers)).toBe('closed');
  });

  test('failures leave the window with time', async () => {
    await many(breakers, 'ok', 6);
    await many(breakers, 'unavailable', 3);
    await vi.advanceTimersByTimeAsync(SETTINGS.windowMs + 1_000);
    await many(breakers, 'ok', 6);
    await many(breakers, 'unavailable', 5);
    expect(state(breakers)).toBe('closed');
  });

  test('channels and operations have breakers of their own', async () => {
    await many(breakers, 'unavailable', 10);
    expect(breakers.isOpen('alipay-main', 'create')).toBe(true);
    expect(breakers.isOpen('alipay-main', 'query')).toBe(false);
    expect(breakers.isOpen('alipay-backup', 'create')).toBe(false);
    expect(await call(breakers, 'ok', 'query')).toMatchObject({ outcome: 'done' });
  });

  test('an open breaker makes no call, and wants no probe before its time', async () => {
    breakers.trip('alipay-main', 'create');
    const made = vi.fn(async (): Promise<Answer> => 'ok');
    expect(await breakers.run('alipay-main', 'create', made, isTechnical)).toEqual({ outcome: 'open' });
    expect(made).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs - 1);
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(false);
  });

  test('half-open takes exactly one trial and stays closed to buyers until it succeeds', async () => {
    breakers.trip('alipay-main', 'create');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    expect(state(breakers)).toBe('half_open');
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(true);

    const trial = pendingCall(breakers);
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(false);
    expect(breakers.isOpen('alipay-main', 'create')).toBe(true);
    expect(await call(breakers, 'ok')).toEqual({ outcome: 'open' });

    expect(await trial.end('ok')).toEqual({ outcome: 'done', value: 'ok' });
    expect(breakers.isOpen('alipay-main', 'create')).toBe(false);
    expect(changes).toEqual(['open', 'half_open', 'closed']);
  });

  test('a trial that the buyer or shop is to blame for proves the channel well', async () => {
    breakers.trip('alipay-main', 'create');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    await call(breakers, 'declined');
    expect(state(breakers)).toBe('closed');
  });

  test('a failed trial opens it again for the whole time', async () => {
    breakers.trip('alipay-main', 'create');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    await call(breakers, 'unavailable');
    expect(state(breakers)).toBe('open');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs - 1);
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(true);
  });

  test('a trial that crashes counts as failed, and the crash is passed on', async () => {
    breakers.trip('alipay-main', 'create');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    await expect(pendingCall(breakers).crash(new Error('a bug'))).rejects.toThrow('a bug');
    expect(state(breakers)).toBe('open');
  });

  test('a crash of the judgement is passed on too', async () => {
    const judge = () => {
      throw new Error('a bug');
    };
    await expect(breakers.run('alipay-main', 'create', async () => 'ok', judge)).rejects.toThrow('a bug');
  });

  test('after closing it is sensitive at once, however many calls it refused while open', async () => {
    settings = { ...SETTINGS, windowMs: 60_000 };
    breakers.trip('alipay-main', 'create');
    for (let i = 0; i < 100; i += 1) expect(await call(breakers, 'ok')).toEqual({ outcome: 'open' });
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    await call(breakers, 'ok');
    await many(breakers, 'unavailable', 9);
    expect(state(breakers)).toBe('open');
  });

  test('a trip opens at once, and the success of the very call that tripped it changes nothing', async () => {
    const tripping = async (): Promise<Answer> => {
      breakers.trip('alipay-main', 'create');
      return 'declined';
    };
    await breakers.run('alipay-main', 'create', tripping, isTechnical);
    expect(state(breakers)).toBe('open');
    await vi.advanceTimersByTimeAsync(SETTINGS.openForMs);
    await breakers.run('alipay-main', 'create', tripping, isTechnical);
    expect(state(breakers)).toBe('open');
    expect(changes).toEqual(['open', 'half_open', 'open']);
  });

  test('changed settings hold from the next call on', async () => {
    await many(breakers, 'unavailable', 3);
    settings = { ...SETTINGS, minRequests: 2 };
    await many(breakers, 'unavailable', 2);
    expect(state(breakers)).toBe('open');
  });

  test('changed settings do not send buyers to a channel whose breaker is open', async () => {
    breakers.trip('alipay-main', 'create');
    settings = { ...SETTINGS, openForMs: 1_000 };
    expect(await call(breakers, 'ok')).toEqual({ outcome: 'open' });
    expect(state(breakers)).toBe('open');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(breakers.wantsProbe('alipay-main', 'create')).toBe(true);
    expect(changes).toEqual(['open', 'half_open']);

    settings = SETTINGS;
    expect(await call(breakers, 'ok')).toEqual({ outcome: 'open' });
    expect(changes).toEqual(['open', 'half_open', 'open']);
    breakers.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a forgotten channel starts anew and leaves no timer', async () => {
    breakers.trip('alipay-main', 'create');
    breakers.trip('alipay-main', 'query');
    breakers.forget('alipay-main');
    expect(vi.getTimerCount()).toBe(0);
    expect(await call(breakers, 'ok')).toMatchObject({ outcome: 'done' });
  });

  test('disposing leaves no timer, ends calls under way and refuses new ones', async () => {
    await many(breakers, 'ok', 3);
    const underWay = pendingCall(breakers);
    breakers.trip('alipay-main', 'query');
    breakers.trip('alipay-backup', 'create');
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    breakers.dispose();
    expect(vi.getTimerCount()).toBe(0);
    expect(await underWay.end('unavailable')).toEqual({ outcome: 'done', value: 'unavailable' });
    expect(await call(breakers, 'ok')).toEqual({ outcome: 'open' });
    breakers.trip('alipay-main', 'create');
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('an open breaker does not keep a process alive, even undisposed', async () => {
  const face = new URL('../../src/routing/index.ts', import.meta.url).href;
  const program = `import { createBreakers } from ${JSON.stringify(face)};
    const settings = { failureRate: 0.5, minRequests: 1, windowMs: 10_000, openForMs: 600_000 };
    const breakers = createBreakers({ settingsOf: () => settings });
    await breakers.run('alipay-main', 'create', async () => 'ok', () => true);
    console.log(breakers.state('alipay-main', 'create'));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
  expect(stdout.trim()).toBe('open');
});
