import { statSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { openEvidenceReader } from '../../src/evidence/index.ts';
import {
  aFolder,
  aLog,
  anEntry,
  anExchange,
  NEW_YEAR,
  onlyMessages,
  otherSealer,
  PAYMENT,
  story,
  write,
} from './stage.ts';

describe('an entry', () => {
  test('is found again as it was, by its payment', () => {
    const { log, path } = aLog();
    const details = { from: 'pending', attemptSeq: 1, live: false, reason: null };
    log.append(anEntry({ details }));
    log.append(anEntry({ paymentId: null }));
    log.append(anEntry({ paymentId: `pay_${'1'.repeat(26)}` }));
    log.flush();
    const messages = { state: 'open', content: { body: 'trade_status=TRADE_SUCCESS' } };
    expect(story(path)).toEqual([
      {
        seq: 1,
        at: NEW_YEAR,
        kind: 'change',
        channelId: null,
        what: 'observed',
        outcome: 'succeeded',
        details,
        messages,
      },
    ]);
  });

  test('is written soon, without anybody asking', async () => {
    const { log, heard, path } = aLog();
    log.append(anEntry());
    expect(log.stats()).toMatchObject({ written: 0, waiting: 1 });
    await vi.waitFor(() => expect(log.stats()).toMatchObject({ written: 1, waiting: 0 }));
    expect(heard.written).toBe(1);
    expect(story(path)).toHaveLength(1);
  });

  test('of many is written too, in order, while the event loop turns', async () => {
    const { log, path } = aLog();
    for (let n = 0; n < 1_000; n += 1) log.append(anEntry({ what: String(n) }));
    let turns = 0;
    while (log.stats().waiting > 0) {
      await new Promise(setImmediate);
      turns += 1;
    }
    expect(turns).toBeGreaterThan(10);
    expect(story(path).map(({ what }) => what)).toEqual(Array.from({ length: 1_000 }, (_, n) => String(n)));
  });

  test('comes in the order of time, whatever the order of writing', () => {
    const { log, path } = aLog();
    for (const at of [30, 10, 20, 10]) log.append(anEntry({ at: NEW_YEAR + at }));
    log.flush();
    expect(story(path).map(({ at, seq }) => [at - NEW_YEAR, seq])).toEqual([
      [10, 2],
      [10, 4],
      [20, 3],
      [30, 1],
    ]);
  });

  test('with a time that is no number of milliseconds gets the present one', () => {
    const { log, path } = aLog();
    for (const at of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) log.append(anEntry({ at }));
    log.flush();
    expect(story(path).map(({ at }) => at)).toEqual([NEW_YEAR, NEW_YEAR, NEW_YEAR]);
  });

  test('that waits when the log is closed is written; one that comes later is counted', async () => {
    const { log, path, heard } = aLog();
    log.append(anEntry());
    await log.close();
    log.append(anEntry());
    expect(log.stats()).toMatchObject({ written: 1, dropped: 1, waiting: 0 });
    expect(heard).toMatchObject({ written: 1, dropped: 1 });
    expect(story(path)).toHaveLength(1);
    await log.close();
  });
});

describe('messages', () => {
  test('need the key that they were sealed with', () => {
    const { log, path } = aLog();
    write(log, 1);
    expect(story(path, null)[0]?.messages).toEqual({ state: 'sealed' });
    expect(story(path, otherSealer)[0]?.messages).toMatchObject({
      state: 'unreadable',
      why: expect.stringContaining('another master key'),
    });
  });

  test('may be absent', () => {
    const { log, path } = aLog();
    write(log, 1, { messages: null });
    expect(story(path)[0]?.messages).toEqual({ state: 'none' });
  });

  test.each([
    ['short', 'x'],
    ['long and repetitive', '{"status":"NOTPAY"},'.repeat(2_000)],
    ['Chinese', '交易不存在'.repeat(1_000)],
  ])('that are %s come back unchanged', (_, body) => {
    const { log, path } = aLog();
    write(log, 1, { messages: { body } });
    expect(onlyMessages(path)).toEqual({ body });
  });

  test('that repeat themselves take little room', () => {
    const { log, folder } = aLog();
    write(log, 50, { messages: { body: '{"status":"NOTPAY"},'.repeat(1_000) } });
    expect(statSync(`${folder}/evidence.db-wal`).size).toBeLessThan(200_000);
  });

  test('of every kind of value are kept as data', () => {
    const { log, path } = aLog();
    const circle: Record<string, unknown> = { name: 'round' };
    circle.self = circle;
    write(log, 1, {
      messages: {
        map: new Map([['x-a', ['1', '2']]]),
        text: Buffer.from('点卡'),
        bytes: Uint8Array.of(255, 254),
        big: 2n ** 70n,
        nothing: undefined,
        circle,
      },
    });
    expect(onlyMessages(path)).toEqual({
      map: { 'x-a': ['1', '2'] },
      text: '点卡',
      bytes: 'base64://4=',
      big: '1180591620717411303424',
      circle: { name: 'round', self: '[cut: nested too deep]' },
    });
  });

  test('that cannot be read at all are dropped and reported, and nobody is hurt', () => {
    const { log, heard, path } = aLog();
    const trap = {
      get body(): string {
        throw new Error('a trap');
      },
    };
    log.append(anEntry({ messages: trap }));
    write(log, 1);
    expect(heard).toMatchObject({ written: 1, dropped: 1, troubles: [expect.stringContaining('a bug')] });
    expect(story(path)).toHaveLength(1);
  });
});

describe('what an adapter records', () => {
  const subject = { channelId: 'alipay-main', operation: 'create', paymentId: PAYMENT };

  test('belongs to the call that it was made in, also after waiting', async () => {
    const { log, path, clock } = aLog();
    await log.during(subject, async () => {
      clock.at += 31;
      await pause(1);
      log.record(anExchange());
      clock.at += 12;
      log.record(anExchange({ status: null, responseBody: null, failure: 'aborted' }));
    });
    log.flush();
    const [first, second] = story(path);
    expect(first).toMatchObject({
      ...{ at: NEW_YEAR + 31, kind: 'call', channelId: 'alipay-main', what: 'create', outcome: '200' },
      details: { request: 'POST https://provider.example/pay', durationMs: 31 },
    });
    expect(first?.messages).toEqual({
      state: 'open',
      content: {
        request: {
          method: 'POST',
          url: 'https://provider.example/pay?sign=abc',
          headers: { 'content-type': 'application/json' },
          body: '{"order":1}',
        },
        response: {
          status: 200,
          failure: null,
          headers: { date: 'Thu, 01 Jan 2026 00:00:00 GMT' },
          body: '{"ok":true}',
        },
      },
    });
    expect(second).toMatchObject({ outcome: 'aborted', details: { durationMs: 12 } });
  });

  test('in calls that overlap goes to each its own', async () => {
    const { log, path } = aLog();
    const gate = Promise.withResolvers<void>();
    const call = (operation: string) =>
      log.during({ ...subject, operation }, async () => {
        await gate.promise;
        log.record(anExchange({ requestBody: operation }));
        return operation;
      });
    const calls = ['create', 'query', 'close'].map(call);
    gate.resolve();
    expect(await Promise.all(calls)).toEqual(['create', 'query', 'close']);
    log.flush();
    for (const { what, messages } of story(path)) {
      expect(messages).toMatchObject({ content: { request: { body: what } } });
    }
    expect(story(path)).toHaveLength(3);
  });

  test('outside of any call is kept without a channel', () => {
    const { log, path } = aLog();
    log.record(anExchange());
    log.flush();
    expect(story(path)).toEqual([]);
    expect(log.stats().written).toBe(1);
  });
});

describe('the file', () => {
  test('is for its owner alone', () => {
    const { log, path } = aLog();
    write(log, 1);
    for (const name of [path, `${path}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  });

  test('that is not there, or empty, is no log to read', () => {
    const folder = aFolder();
    expect(openEvidenceReader(`${folder}/evidence.db`, null)).toBeNull();
    writeFileSync(`${folder}/evidence.db`, '');
    expect(openEvidenceReader(`${folder}/evidence.db`, null)).toBeNull();
  });

  test('of another program is refused by the reader', () => {
    expect(() => openEvidenceReader(import.meta.filename, null)).toThrow(/is not a SQLite database; move it away/);
  });
});
