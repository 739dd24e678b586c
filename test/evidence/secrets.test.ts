import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { EvidenceEntry } from '../../src/evidence/index.ts';
import { aLog, anExchange, onlyMessages, PAYMENT, rawBytes, story, write } from './stage.ts';

const KEY = 'sk_live_51Hq0aBcDeFgHiJkLmNoPqRsT';
const WHSEC = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** What is kept of messages, opened again. */
function kept(messages: Readonly<Record<string, unknown>>): unknown {
  const { log, path } = aLog();
  write(log, 1, { messages });
  return onlyMessages(path);
}

describe('on disk', () => {
  test('there is nothing to read of messages, before and after the log is closed', async () => {
    const { log, folder } = aLog();
    const words = ['Zhang San', 'buyer@mail.example', '203.0.113.77', '4242424242424242'];
    write(log, 20, { messages: { headers: { 'x-name': words[0] }, body: words.join(' ').repeat(50) } });
    const subject = { channelId: 'a', operation: 'create', paymentId: PAYMENT };
    await log.during(subject, async () => log.record(anExchange({ url: `https://p.example/?mail=${words[1]}` })));
    log.flush();
    for (const word of words) expect(rawBytes(folder)).not.toContain(word);
    await log.close();
    expect(rawBytes(folder)).toContain('https://p.example/');
    for (const word of words) expect(rawBytes(folder)).not.toContain(word);
  });

  test('there is no secret, wherever it was said', () => {
    const { log, folder, path } = aLog();
    const secret = `sk_test_${randomBytes(18).toString('hex')}`;
    const said: Partial<EvidenceEntry>[] = [
      { what: secret },
      { outcome: `refused: ${secret}` },
      { channelId: secret },
      { details: { note: secret } },
      { messages: { [secret]: secret } },
    ];
    for (const set of said) write(log, 1, set);
    expect(rawBytes(folder)).not.toContain(secret);
    expect(JSON.stringify(story(path))).not.toContain(secret);
  });
});

describe('headers that prove who somebody is', () => {
  test.each(['authorization', 'Authorization', 'Proxy-Authorization', 'cookie', 'Set-Cookie', 'X-Api-Key'])(
    '%s is removed in every shape',
    (name) => {
      const value = 'Basic dXNlcjpwYXNz';
      expect(kept({ headers: { [name]: value } })).toEqual({ headers: { [name]: '[removed]' } });
      expect(kept({ headers: { [name]: [value, value] } })).toEqual({
        headers: { [name]: ['[removed]', '[removed]'] },
      });
      expect(kept({ headers: new Map([[name, [value]]]) })).toEqual({ headers: { [name]: ['[removed]'] } });
      expect(kept({ headers: [[name, value]] })).toEqual({ headers: [[name, '[removed]']] });
      expect(kept({ headers: ['accept', '*/*', name, value] })).toEqual({
        headers: ['accept', '*/*', name, '[removed]'],
      });
      expect(kept({ [name]: { nested: value } })).toEqual({ [name]: '[removed]' });
    },
  );

  test('signatures stay: they are the evidence', () => {
    const headers = {
      authorization: 'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="c2ln",serial_no="5F"',
      'stripe-signature': 't=1,v1=abc',
      'webhook-signature': 'v1,abc=',
    };
    expect(kept({ headers })).toEqual({ headers });
  });
});

describe('values that look like keys are removed', () => {
  test.each([
    ['alone', KEY, 'sk_live_[removed]'],
    ['restricted', 'rk_test_51Hq0aBcDeFg', 'rk_test_[removed]'],
    ['in a sentence', `Invalid API Key provided: ${KEY}.`, 'Invalid API Key provided: sk_live_[removed].'],
    ['in JSON', `{"key":"${WHSEC}"}`, '{"key":"whsec_[removed]"}'],
    ['in JSON with escaped slashes', `{"key":"whsec_ab\\/cd+ef=="}`, '{"key":"whsec_[removed]"}'],
    ['in a form', 'a=1&key=whsec_ab%2Fcd%2Bef%3D%3D&b=2', 'a=1&key=whsec_[removed]&b=2'],
    ['after an escape', `{"text":"keys:\\n${KEY}"}`, '{"text":"keys:\\nsk_live_[removed]"}'],
    ['after a digit', `%22${KEY}%22`, '%22sk_live_[removed]%22'],
    ['twice', `${KEY} ${KEY}`, 'sk_live_[removed] sk_live_[removed]'],
    ['at the very end of what is kept', `${'x'.repeat(65_530)} ${KEY}`, expect.not.stringContaining('sk_live_5')],
  ])('%s', (_, body, expected) => {
    expect(kept({ deep: [{ body }] })).toEqual({ deep: [{ body: expected }] });
  });

  test('words that only resemble them stay', () => {
    const body = 'task_test_1 risk_live_2 whsec disk_sandbox_3';
    expect(kept({ body })).toEqual({ body });
  });
});

describe('long bodies', () => {
  test('are kept up to 64 KiB each, and marked', () => {
    const body = 'x'.repeat(65_536);
    expect(kept({ body, request: { body: `${body}y` } })).toEqual({
      body,
      request: { body: `${body}[cut: 65536 of 65537 bytes]` },
    });
  });

  test('are cut between characters', () => {
    expect(kept({ body: '汉'.repeat(30_000) })).toEqual({ body: `${'汉'.repeat(21_845)}[cut: 65536 of 90000 bytes]` });
  });

  test('of which there are too many are left out together', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`part${n}`, 'x'.repeat(60_000)]));
    expect(kept(many)).toEqual({ cut: expect.stringMatching(/^12\d+ characters were too many to keep$/) });
  });

  test('in a field or a detail leave a beginning', () => {
    const { log, path } = aLog();
    write(log, 1, { what: 'w'.repeat(10_000), details: { note: 'n'.repeat(10_000) } });
    const [entry] = story(path);
    expect(entry?.what).toBe(`${'w'.repeat(500)}…`);
    expect(entry?.details.note).toBe(`${'n'.repeat(500)}…`);
  });
});
