import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { provider } from '../../../channels/stripe/index.ts';
import { type SandboxHost, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { aRefund, aRequest, CHANNEL, orderOf, patience } from './stage.ts';

const startHost = (dataDir: string): Promise<SandboxHost> =>
  startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: CHANNEL, provider }],
    publicUrl: () => 'http://127.0.0.1:1',
    dataDir,
    now: Date.now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 1e-6,
    onError: (problem) => expect.fail(JSON.stringify(problem)),
  });

async function withAdapter<T>(
  host: SandboxHost,
  work: (adapter: ReturnType<typeof provider.openAdapter>) => Promise<T>,
): Promise<T> {
  const config = provider.configSchema.parse(host.credentials(CHANNEL));
  const adapter = provider.openAdapter(config, { now: Date.now, randomBytes, record: () => {} });
  try {
    return await work(adapter);
  } finally {
    await adapter.dispose();
    await host.close();
  }
}

test('a sandbox with a data folder comes back with its keys, its orders and their refunds', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'stripe-sandbox-'));
  try {
    const request = aRequest(Date.now());
    const first = await startHost(dataDir);
    const { base_url: _url, ...keys } = provider.configSchema.parse(first.credentials(CHANNEL));
    const made = await withAdapter(first, (adapter) => adapter.create(request, patience()));
    if (!made.ok) throw new Error(made.error.kind);

    const second = await startHost(dataDir);
    expect(second.credentials(CHANNEL)).toMatchObject(keys);
    await withAdapter(second, async (adapter) => {
      const order = orderOf(request, made.value.channelTradeNo);
      expect(await adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'open' } });
      await second.control.pay(CHANNEL, { providerRef: request.providerRef, delivery: { mode: 'drop' } });
      expect(await adapter.query(order, patience())).toMatchObject({ ok: true, value: { state: 'succeeded' } });
      second.control.faults(CHANNEL, { refunds: 'pending' });
      expect(await adapter.refund(aRefund(order), patience())).toMatchObject({ ok: true, value: { state: 'pending' } });
    });

    const third = await startHost(dataDir);
    await withAdapter(third, async (adapter) => {
      const refund = aRefund(orderOf(request, made.value.channelTradeNo));
      // What Stripe keeps under idempotency keys is gone; the refund is not.
      expect(await adapter.refund(refund, patience())).toMatchObject({ ok: true, value: { state: 'pending' } });
      await third.control.settleRefund(CHANNEL, { refundNo: refund.refundRef, outcome: 'succeeded' });
      expect(await adapter.queryRefund(refund, patience())).toMatchObject({ ok: true, value: { state: 'succeeded' } });
      expect(third.control.orders(CHANNEL, request.providerRef)).toMatchObject({
        value: [{ refunds: [{ refundNo: refund.refundRef, status: 'succeeded' }] }],
      });
    });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
