import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDryRuns } from '../../src/dry-run.ts';
import { anOrder, call, openStage, patient, type Stage } from './stage.ts';

const SLOW_MS = 60_000;
const CONFIG = join(import.meta.dirname, '../../config');
const GATEWAY = readFileSync(join(CONFIG, 'gateway.yaml'), 'utf8');
const SCENARIO = readFileSync(join(CONFIG, 'scenarios/evening-outage.yaml'), 'utf8');

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  for (let i = 0; i < 6; i += 1) {
    expect((await stage.api('POST', '/v1/payments', anOrder(stage))).status).toBe(201);
  }
}, SLOW_MS);
afterAll(() => stage.stop());

const ask = (body: unknown) => call('POST', `${stage.gateway().adminUrl}/admin/config/dry-run`, body);
const drained = (channel: string): string =>
  GATEWAY.replace(new RegExp(`(\n  ${channel}:(?:.|\n)*?weight: )100`), '$10');

describe('POST /admin/config/dry-run', { timeout: SLOW_MS }, () => {
  test('answers how the payments of the last day would have been routed', async () => {
    const { status, headers, body } = await ask({ gateway: GATEWAY });
    expect({ status, type: headers.get('content-type') }).toEqual({
      status: 200,
      type: 'application/json; charset=utf-8',
    });
    expect(body).toMatchObject({ object: 'what_if', version: 1, recorded: { payments: 6 } });
    const { from, to } = body.traffic;
    expect(Date.parse(to) - Date.parse(from)).toBe(24 * 3_600_000);
    const [used] = body.recorded.channels;
    const moved = (await ask({ gateway: drained(used.channel), from: '2h' })).body;
    expect(moved.channels.find(({ channel }: { channel: string }) => channel === used.channel).proposed.share).toBe(0);
    expect((await call('GET', `${stage.gateway().adminUrl}/admin/status`, undefined)).body.channels[0].weight).toBe(
      100,
    );
  });

  test('tries merchants too', async () => {
    const merchants = readFileSync(join(CONFIG, 'merchants.yaml'), 'utf8').replace(
      'max_amount: null',
      'max_amount: 10',
    );
    const { body } = await ask({ gateway: GATEWAY, merchants });
    expect(body.refused).toEqual([{ reason: 'merchant_max_amount', live: 0, proposed: 6, difference: 6 }]);
  });

  test('tries a scenario', async () => {
    const { body } = await ask({ gateway: GATEWAY, scenario: SCENARIO, seed: 3 });
    expect(body).toMatchObject({ seed: 3, traffic: { kind: 'scenario' }, recorded: null });
  });

  test('refuses a proposal with faults and names them with path and line, never with a value', async () => {
    const gateway = GATEWAY.replace('weight: 100', 'weight: sk_live_secret');
    const line = gateway.split('\n').findIndex((text) => text.includes('sk_live')) + 1;
    const { status, body } = await ask({ gateway });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      error: 'config_refused',
      faults: [{ file: 'gateway', line, path: 'channels.alipay-main.weight' }],
    });
    expect(JSON.stringify(body)).not.toContain('sk_live');
    const scenario = await ask({ gateway: GATEWAY, scenario: 'version: 1\nname: [' });
    expect({ status: scenario.status, file: scenario.body.faults[0].file }).toEqual({ status: 422, file: 'scenario' });
  });

  test('resolves no reference where what it stands for could be told', async () => {
    const reference = (name: string): string => `\${${name}}`;
    const telling = GATEWAY.replace('exploration: 2%', `exploration: "${reference('PATH')}"`).replace(
      '  alipay-main:\n',
      `  alipay-main:\n    credentials: { app_id: "${reference('HOME')}" }\n`,
    );
    const line = telling.split('\n').findIndex((text) => text.includes(reference('PATH'))) + 1;
    const { status, body } = await ask({ gateway: telling });
    expect({ status, faults: body.faults }).toMatchObject({
      status: 422,
      faults: [{ file: 'gateway', line, path: 'routing.exploration' }],
    });
  });

  test.each([
    [{}, 'gateway'],
    [{ gateway: GATEWAY, form: '1h' }, 'form'],
    [{ gateway: GATEWAY, from: 'yesterday' }, 'from'],
    [{ gateway: GATEWAY, from: '1h', scenario: SCENARIO }, 'scenario'],
    [{ gateway: GATEWAY, seed: -1 }, 'seed'],
  ])('refuses a request that it does not understand: %#', async (body, path) => {
    const answer = await ask(body);
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed', errors: [{ path }] } });
  });

  test('takes a body of a megabyte at most, and as JSON alone', async () => {
    expect((await ask({ gateway: `#${'x'.repeat(1024 * 1024)}` })).status).toBe(413);
    const form = await fetch(`${stage.gateway().adminUrl}/admin/config/dry-run`, { method: 'POST', body: 'gateway=1' });
    expect(form.status).toBe(415);
  });

  test('runs one at a time, and payments go on meanwhile', async () => {
    const body = { gateway: GATEWAY, scenario: SCENARIO };
    const asked = [ask(body), ask(body)];
    expect((await stage.api('POST', '/v1/payments', anOrder(stage))).status).toBe(201);
    const [done, busy] = (await Promise.all(asked)).toSorted((a, b) => a.status - b.status);
    expect(done?.status).toBe(200);
    expect(busy).toMatchObject({ status: 429, body: { error: 'busy' } });
    expect(busy?.headers.get('retry-after')).toBe('10');
  });
});

describe('a dry run', { timeout: SLOW_MS }, () => {
  const open = (timeLimitMs: number) => createDryRuns({ env: {}, now: () => 0, timeLimitMs });
  const request = { gateway: GATEWAY, scenario: SCENARIO };

  test('is given up after its time', async () => {
    const runs = open(1);
    expect(await runs.run(request, new AbortController().signal)).toEqual({ outcome: 'too_long' });
    expect(await open(60_000).run(request, new AbortController().signal)).toMatchObject({ outcome: 'done' });
  });

  test('ends with whoever asked, and with the gateway', async () => {
    const runs = open(60_000);
    const gone = new AbortController();
    const asked = runs.run(request, gone.signal);
    gone.abort();
    expect(await asked).toMatchObject({ outcome: 'failed' });
    const last = runs.run(request, new AbortController().signal);
    await runs.close();
    expect(await last).toMatchObject({ outcome: 'failed' });
    expect(await runs.run(request, new AbortController().signal)).toEqual({ outcome: 'busy' });
  });
});
