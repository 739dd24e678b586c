import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { anOrder, call, eventually, openStage, patient, type Stage } from './stage.ts';

const found = inject('redis');
const BREAKER = 'switchyard_channel_breaker_state{channel="alipay-main",operation="create"}';

const limited = (yaml: string) => yaml.replace('per_minute: null', 'per_minute: 6000');

describe.skipIf('missing' in found)('two gateways that share a Redis', () => {
  let server: RedisServer;
  let one: Stage;
  let other: Stage;

  beforeAll(async () => {
    server = await startRedis('path' in found ? found.path : '');
    const env = { REDIS_URL: server.url };
    [one, other] = await Promise.all([
      openStage({ env, editConfig: patient, editMerchants: limited }),
      openStage({ env, editConfig: patient, editMerchants: limited }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([one.stop(), other.stop()]);
    await server.stop();
  });

  const pay = async (stage: Stage) => (await stage.api('POST', '/v1/payments', anOrder(stage))).body;

  test('hear of each other', async () => {
    for (const stage of [one, other]) await eventually(async () => (await stage.metric('switchyard_replicas')) === 2);
    expect(await one.metric('switchyard_shared_state_up')).toBe(1);
    expect(Math.abs(await one.metric('switchyard_clock_skew_seconds{against="redis"}'))).toBeLessThan(1);
  });

  test('avoid a channel that only one of them has seen fail', async () => {
    await one.control('alipay-main', 'faults', { outage: true });
    await eventually(async () => (await one.metric(BREAKER)) > 0);
    await eventually(async () => (await other.metric(BREAKER)) > 0, 5_000);
    await one.control('alipay-main', 'faults', {});
    for (const stage of [one, other]) {
      await eventually(async () => {
        await pay(stage);
        return (await stage.metric(BREAKER)) === 0;
      }, 15_000);
    }
  });

  test('notice that they run by different configurations, and all read their files when one is told to', async () => {
    const status = async (stage: Stage) => (await call('GET', `${stage.gateway().adminUrl}/admin/status`)).body;
    const variants = (stage: Stage) => stage.metric('switchyard_config_variants');
    const change = async (stage: Stage) => {
      const file = join(dirname(stage.dataDir), 'gateway.yaml');
      const yaml = await readFile(file, 'utf8');
      await writeFile(file, yaml.replace('exploration: 0%', 'exploration: 1%'));
    };
    for (const stage of [one, other]) {
      await eventually(async () => (await status(stage)).config.replicas.list.length === 2);
      expect(await variants(stage)).toBe(1);
    }

    await change(one);
    for (const stage of [one, other]) await eventually(async () => (await variants(stage)) === 2);
    const { config, problems } = await status(other);
    expect(config.replicas).toMatchObject({ variants: 2, differ_since: expect.any(String) });
    expect(config.replicas.list[0].digest).toBe(config.digest);
    expect(config.replicas.list[1]).toMatchObject({ digest: (await status(one)).config.digest, refused: false });
    expect(problems).toContainEqual(expect.objectContaining({ runbook: 'ConfigDiffers' }));

    await change(other);
    for (const stage of [one, other]) await eventually(async () => (await variants(stage)) === 1);

    const looks = () => other.metric('switchyard_config_reloads_total{outcome="unchanged"}');
    const before = await looks();
    const told = await call('POST', `${one.gateway().adminUrl}/admin/config/reload`, {});
    expect(told).toMatchObject({ status: 200, body: { outcome: 'unchanged', replicas_told: 1 } });
    await eventually(async () => (await looks()) === before + 1);
    expect(await one.metric('switchyard_config_reloads_total{outcome="unchanged"}')).toBe(1);
  });

  test('take payments while Redis is away, say so, and find back to it by themselves', async () => {
    await server.kill();
    for (let i = 0; i < 5; i += 1) {
      for (const stage of [one, other]) expect((await pay(stage)).status).toBe('pending');
    }
    const status = async () => (await fetch(`${one.gateway().adminUrl}/admin/status`)).json();
    expect(await status()).toMatchObject({
      gateway: { shared_state: { ok: false, reason: expect.any(String) } },
      problems: [expect.objectContaining({ runbook: 'SharedStateDown' })],
    });
    expect(await one.metric('switchyard_shared_state_up')).toBe(0);
    expect(await one.metric('switchyard_shared_state_fallbacks_total')).toBeGreaterThan(0);
    await server.start();
    for (const stage of [one, other]) {
      await eventually(async () => (await stage.metric('switchyard_shared_state_up')) === 1);
      expect((await pay(stage)).status).toBe('pending');
    }
  });
});
