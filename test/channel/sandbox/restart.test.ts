import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { aProviderRef, startStage } from './stage.ts';

function aDataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'sandbox'); // made by the host itself
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

test('orders, their callback counts and the credentials survive a restart', async () => {
  const dataDir = aDataDir();
  const before = await startStage({ dataDir });
  const [paid, open] = [await before.createOrder(), await before.createOrder()];
  await before.host.control.pay('toy-a', { providerRef: paid });
  await expect.poll(() => before.callbacksOf(paid)).toHaveLength(1);
  const acked = () => before.host.control.orders('toy-a', paid);
  await expect.poll(acked).toMatchObject({ value: [{ callbacksAcked: 1 }] });
  const books = before.host.control.orders('toy-a');
  const credentials = before.host.credentials('toy-a');
  await before.host.close();

  const after = await startStage({ dataDir, port: portOf(before.host.url) });
  expect(after.host.credentials('toy-a')).toEqual(credentials);
  expect(after.host.control.orders('toy-a')).toEqual(books);
  const answer = await after.ask('GET', `/orders/${open}`);
  expect(await answer.json()).toMatchObject({ state: 'open' });
  expect(await after.host.control.pay('toy-a', { providerRef: paid })).toMatchObject({ error: { status: 409 } });
});

test('refunds survive a restart, and a pending one can still be decided', async () => {
  const dataDir = aDataDir();
  const before = await startStage({ dataDir });
  const providerRef = await before.createOrder();
  await before.host.control.pay('toy-a', { providerRef });
  before.host.control.faults('toy-a', { refunds: 'pending' });
  await before.ask('POST', `/orders/${providerRef}/refunds`, { refund_no: 'r1', amount: 300 });
  await before.host.close();

  const after = await startStage({ dataDir });
  const refunds = [{ refundNo: 'r1', amountMinor: 300, status: 'succeeded', createdAt: expect.any(Number) }];
  expect(await after.host.control.settleRefund('toy-a', { refundNo: 'r1', outcome: 'succeeded' })).toMatchObject({
    ok: true,
    value: { refunds },
  });
});

test('a journal whose refunds have neither time nor details is read', async () => {
  const dataDir = aDataDir();
  const before = await startStage({ dataDir });
  const providerRef = await before.createOrder();
  await before.host.close();
  const path = join(dataDir, 'toy-a.jsonl');
  const order: object = JSON.parse(readFileSync(path, 'utf8'));
  const refunds = [{ refundNo: 'r1', amountMinor: 300, status: 'succeeded' }];
  writeFileSync(path, `${JSON.stringify({ ...order, refunds })}\n`);
  const after = await startStage({ dataDir });
  expect(after.host.control.orders('toy-a', providerRef)).toMatchObject({ ok: true, value: [{ refunds }] });
});

test('an answered create is in the journal, even if the process dies at once', async () => {
  const dataDir = aDataDir();
  const stage = await startStage({ dataDir });
  const providerRef = await stage.createOrder();
  const lines = readFileSync(join(dataDir, 'toy-a.jsonl'), 'utf8').trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ providerRef, status: 'open' });
});

test('a torn last line is dropped, and the journal goes on after it', async () => {
  const dataDir = aDataDir();
  const first = await startStage({ dataDir });
  const kept = await first.createOrder();
  await first.host.close();
  appendFileSync(join(dataDir, 'toy-a.jsonl'), '{"providerRef":"torn","amountMi');

  const second = await startStage({ dataDir });
  const added = await second.createOrder();
  await second.host.close();

  const third = await startStage({ dataDir });
  const orders = third.host.control.orders('toy-a');
  expect(orders.ok && orders.value.map(({ providerRef }) => providerRef)).toEqual([kept, added]);
});

test('a damaged journal is refused with file and line', async () => {
  const dataDir = aDataDir();
  const first = await startStage({ dataDir });
  await first.createOrder();
  await first.host.close();
  appendFileSync(join(dataDir, 'toy-a.jsonl'), '{"providerRef":"half"}\n');
  await expect(startStage({ dataDir })).rejects.toThrow(/toy-a\.jsonl:2: not an order/);
});

test('a restart keeps one line per order', async () => {
  const dataDir = aDataDir();
  const first = await startStage({ dataDir });
  const providerRef = await first.createOrder();
  await first.host.control.pay('toy-a', { providerRef, delivery: { mode: 'drop' } });
  await first.host.close();
  const second = await startStage({ dataDir });
  await second.host.close();
  const lines = readFileSync(join(dataDir, 'toy-a.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ providerRef, status: 'paid' }]);
});

test('keys and books are readable by their owner alone', async () => {
  const dataDir = aDataDir();
  await startStage({ dataDir });
  for (const name of ['toy-a.keys.json', 'toy-a.jsonl']) {
    expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});

test('the gateway that connected is remembered', async () => {
  const dataDir = aDataDir();
  const before = await startStage({ dataDir });
  await before.control('POST', '/toy-a/connect', { public_url: before.receiver.url });
  await before.host.close();
  const after = await startStage({ dataDir, publicUrl: () => 'http://127.0.0.1:9' });
  const providerRef = aProviderRef();
  await after.host.control.pay('toy-a', { providerRef });
  expect(before.receiver.received.map(({ target }) => target)).toEqual([`/pay/pay_${providerRef.slice(0, 26)}/go`]);
});

test('without a data folder a restart forgets everything', async () => {
  const before = await startStage();
  const providerRef = await before.createOrder();
  const after = await startStage();
  expect(after.host.credentials('toy-a')).not.toEqual(before.host.credentials('toy-a'));
  expect(after.host.control.orders('toy-a', providerRef)).toEqual({ ok: true, value: [] });
});

test('a file that is not the keys stops the start instead of making new keys', async () => {
  const dataDir = aDataDir();
  await (await startStage({ dataDir })).host.close();
  writeFileSync(join(dataDir, 'toy-a.keys.json'), 'not json');
  await expect(startStage({ dataDir })).rejects.toThrow();
});
