import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMasterKey } from '../../src/config/index.ts';
import { openEvidence } from '../../src/evidence-log.ts';
import type { Payment } from '../../src/payment/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { afterFact, aPayment, NEW_YEAR, paid, refunded, refundRequested } from '../contract/payments.ts';
import { openTheatre, type Program, type Theatre } from '../e2e/program.ts';

const SLOW_MS = 60_000;
const NOON = NEW_YEAR + 12 * 3_600_000;
const ESCAPE = '\u001b[2J\u009b31m\u202e\u2067';

let theatre: Theatre;
let payment: Payment;
let unspoken: Payment;
/** The data folders that the tests look at. */
const dirs = { full: '', keyless: '', bare: '', tampered: '' };

beforeAll(async () => {
  theatre = await openTheatre();
  const [started, succeeded] = paid(
    aPayment({ subject: `Key ${ESCAPE}`, customer: { country: 'CN', sealed: 'v1.x.y' } }),
    'T1',
  );
  const asked = afterFact(succeeded, refundRequested({ amountMinor: 300 }), NOON + 5_000);
  const returned = afterFact(asked, refunded(1), NOON + 6_000);
  const versions = [started, succeeded, asked, returned, afterFact(returned, { type: 'fulfilled' }, NOON + 7_000)];
  payment = versions.at(-1) ?? started;
  unspoken = aPayment();
  for (const name of ['full', 'keyless', 'bare', 'tampered'] as const) {
    dirs[name] = join(theatre.folder, name);
    await fill(dirs[name], versions);
    if (name !== 'bare') await testify(dirs[name]);
  }
  rmSync(join(dirs.keyless, 'master.key'));
  const db = new Database(join(dirs.tampered, 'evidence.db'));
  db.exec("DROP TRIGGER entries_stay; UPDATE entries SET outcome = 'refused' WHERE seq = 3");
  db.close();
}, SLOW_MS);
afterAll(() => theatre.close());

async function fill(dataDir: string, versions: readonly Payment[]): Promise<void> {
  mkdirSync(dataDir);
  const store = openSqliteStore({ path: join(dataDir, 'switchyard.db') });
  await store.insert({ ...aPayment(), ...versions[0], version: 1 });
  for (const [i, version] of versions.entries()) await store.update({ ...version, version: i + 2 });
  await store.insert(unspoken);
  await store.close();
}

/** What the gateway would have written down, with a key of the sandbox. */
async function testify(dataDir: string): Promise<void> {
  const sealer = openMasterKey({ masterKey: null, dataDir, sandbox: true, randomBytes });
  if (!sealer.ok) throw new Error(sealer.error.message);
  const complain = (fields: unknown) => {
    throw new Error(JSON.stringify(fields));
  };
  let now = NOON;
  const log = openEvidence({
    ...{ dataDir, retentionMs: 3_600_000, sealer: sealer.value, now: () => now, telemetry: { error: complain } },
  });
  const own = { paymentId: payment.id, channelId: 'alipay-main' };
  await log.during({ ...own, operation: 'create' }, async () => {
    now += 31;
    log.record({
      ...{
        method: 'POST',
        url: 'https://provider.example/pay?name=Zhang',
        requestHeaders: {},
        requestBody: `buyer=${ESCAPE}`,
      },
      ...{ status: 200, responseHeaders: {}, responseBody: '{"code":"10000"}', failure: null },
    });
  });
  const entry = { ...own, at: now + 1_000, details: {}, messages: null };
  log.append({ ...entry, kind: 'callback', what: 'callback', outcome: 'applied', messages: { body: 'trade_no=T1' } });
  log.append({
    ...{ ...entry, channelId: null, kind: 'change', what: 'observed', outcome: 'succeeded' },
    details: { from: 'pending', by: 'callback' },
  });
  const webhook = { ...entry, channelId: null, kind: 'webhook', what: 'payment.succeeded', outcome: '200' } as const;
  log.append({ ...webhook, at: now + 2_000, details: { durationMs: 12 }, messages: { body: '{"id":"evt_1"}' } });
  const change = { ...entry, channelId: null, kind: 'change' } as const;
  log.append({ ...change, at: now + 86_400_000, what: 'fulfilled', outcome: 'succeeded' });
  await log.close();
}

const run = (dataDir: string, ...args: string[]): Program => theatre.run(args, { DATA_DIR: dataDir });

async function success(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 0, signal: null });
  expect(program.stderr()).toBe('');
  return program.stdout();
}

async function refusal(program: Program): Promise<string> {
  expect(await program.ended, program.output()).toEqual({ code: 1, signal: null });
  expect(program.stdout()).toBe('');
  expect(program.stderr()).not.toMatch(/\n\s+at |node:internal/);
  return program.stderr();
}

describe.concurrent('payments show', { timeout: SLOW_MS }, () => {
  test('tells what was said and what happened, in the order of time, after what is', async () => {
    const text = await success(run(dirs.full, 'payments', 'show', payment.id));
    expect(text.startsWith(`${payment.id}  10.00 CNY  partially_refunded\n`)).toBe(true);
    expect(text).toMatch(/\n {2}refund 1 .* 3.00 CNY/);
    expect(text.slice(text.indexOf('  timeline')).trimEnd().split('\n')).toEqual([
      '  timeline    2026-01-01 (UTC)',
      '    00:00:00.000  payment created',
      '    12:00:00.031  alipay-main  create -> 200 in 31 ms  POST https://provider.example/pay',
      '    12:00:01.031  alipay-main  callback applied',
      '    12:00:01.031  payment pending -> succeeded (observed by callback)',
      '    12:00:02.031  webhook payment.succeeded -> 200 in 12 ms',
      '  timeline    2026-01-02 (UTC)',
      '    12:00:00.031  fulfilled',
    ]);
  });

  test('with --messages also shows them, and steers nobody’s terminal', async () => {
    const text = await success(run(dirs.full, 'payments', 'show', payment.id, '--messages'));
    for (const words of [
      'trade_no=T1',
      'https://provider.example/pay?name=Zhang',
      '{"code":"10000"}',
      'evt_1',
      'buyer=',
    ]) {
      expect(text).toContain(words);
    }
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
  });

  test('with --messages but without the key says so, and makes none', async () => {
    const args = ['payments', 'show', payment.id, '--messages'];
    const text = await success(run(dirs.keyless, ...args));
    expect(text).toMatch(/\n {2}\(the messages are sealed: set MASTER_KEY to read them\)\n$/);
    expect(text).not.toContain('trade_no');
    expect(await success(run(dirs.keyless, ...args))).toBe(text);
  });

  test('with --messages and another key says whose fault it is', async () => {
    const MASTER_KEY = createHash('sha256').update('another').digest('base64');
    const program = theatre.run(['payments', 'show', payment.id, '--messages'], { DATA_DIR: dirs.full, MASTER_KEY });
    expect(await success(program)).toContain('cannot be read: sealer: sealed with another master key');
    const short = theatre.run(['payments', 'show', payment.id, '--messages'], { DATA_DIR: dirs.full, MASTER_KEY: 'x' });
    expect(await refusal(short)).toContain('environment: MASTER_KEY: must be 32 random bytes');
  });

  test('with --json prints everything but what opens doors, with what steers terminals escaped', async () => {
    const text = await success(run(dirs.full, 'payments', 'show', payment.id, '--json'));
    const { payment: shown, evidence } = JSON.parse(text);
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
    expect(shown).toMatchObject({
      id: payment.id,
      subject: payment.subject,
      status: 'partially_refunded',
      refunds: [{ amountMinor: 300 }],
    });
    expect(evidence.map(({ kind }: { kind: string }) => kind)).toEqual([
      'call',
      'callback',
      'change',
      'webhook',
      'change',
    ]);
    expect(evidence[0]).not.toHaveProperty('messages');
    for (const hidden of ['callbackToken', 'J3Zc0nW0Vd5mXg', 'v1.x.y', 'trade_no', '\u009b']) {
      expect(text).not.toContain(hidden);
    }
    const open = JSON.parse(await success(run(dirs.full, 'payments', 'show', payment.id, '--json', '--messages')));
    expect(open.evidence[1].messages).toEqual({ state: 'open', content: { body: 'trade_no=T1' } });
    const bare = JSON.parse(await success(run(dirs.bare, 'payments', 'show', payment.id, '--json')));
    expect(bare.evidence).toBeNull();
  });

  test('without evidence tells what the payment itself knows', async () => {
    const bare = await success(run(dirs.bare, 'payments', 'show', payment.id, '--messages'));
    expect(bare).toMatch(/\n {2}timeline {4}2026-01-01 \(UTC\)\n {4}00:00:00.000 {2}payment created\n/);
    expect(bare).toMatch(/\n {4}12:00:06.000 {2}refund \S+ succeeded\n/);
    expect(bare).toMatch(/\n {2}\(from the payment itself: there is no evidence log\)\n$/);
    const nothing = await success(run(dirs.full, 'payments', 'show', unspoken.id));
    expect(nothing).toMatch(/payment created\n {2}\(from the payment itself: the evidence log has nothing of it\)\n$/);
  });
});

describe.concurrent('evidence verify', { timeout: SLOW_MS }, () => {
  test('of a log that nobody has touched counts its rows and names its end', async () => {
    const path = join(dirs.full, 'evidence.db');
    const text = await success(run(dirs.full, 'evidence', 'verify'));
    expect(text).toMatch(/: ok, 5 rows, 1 to 5, head [0-9a-f]{64}\n$/);
    expect(text.startsWith(`${path}: ok`)).toBe(true);
    expect(await success(run(dirs.keyless, 'evidence', 'verify'))).toContain('ok, 5 rows');
  });

  test('of one that somebody has changed names the first row that is not as it was written', async () => {
    expect(await refusal(run(dirs.tampered, 'evidence', 'verify'))).toBe(
      `${join(dirs.tampered, 'evidence.db')}: row 3 was changed after it was written; 2 rows before it are good\n`,
    );
  });

  test('where there is none says how there will be one', async () => {
    const said = await refusal(run(dirs.bare, 'evidence', 'verify'));
    expect(said).toBe(
      `no evidence in ${join(dirs.bare, 'evidence.db')}; start the gateway once, or set DATA_DIR to where its data is\n`,
    );
  });
});
