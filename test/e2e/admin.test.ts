import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSwitchyard } from '../../src/main.ts';
import { openTheatre, type Theatre } from './program.ts';
import { anOrder, call, eventually, openStage, type Stage } from './stage.ts';

const SLOW_MS = 60_000;
const TOKEN = 'c3f1a09be7d24586aa01f3d2';

let stage: Stage;
let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre();
  stage = await openStage({
    env: { ADMIN_TOKEN: TOKEN },
    editConfig: (yaml) =>
      yaml
        .replace('balance_every: 5m', 'balance_every: 1s')
        .replace('balance_below: {}', 'balance_below: { alipay-main: 5000, stripe-main: 1 }'),
  });
}, SLOW_MS);
afterAll(async () => {
  await stage.stop();
  await theatre.close();
});

const ask = (path: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
  fetch(`${stage.gateway().adminUrl}${path}`, { headers });
const status = async () =>
  (await call('GET', `${stage.gateway().adminUrl}/admin/status`, undefined, { authorization: `Bearer ${TOKEN}` })).body;
const channelOf = async (id: string) =>
  (await status()).channels.find(({ channel }: { channel: string }) => channel === id);

/** The value of one sample; undefined when there is no such series. */
async function sample(series: string): Promise<number | undefined> {
  const text = await (await ask('/metrics')).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const BALANCE = 'switchyard_channel_balance_minor{channel="alipay-main",currency="CNY"}';

describe('the balance of a channel', { timeout: SLOW_MS }, () => {
  test('is a metric that follows what the provider says, with the time of its last answer', async () => {
    await eventually(async () => (await sample(BALANCE)) === 0, SLOW_MS);
    await stage.control('alipay-main', 'balance', { amount: 4_999 });
    await eventually(async () => (await sample(BALANCE)) === 4_999, SLOW_MS);
    const at = await sample('switchyard_channel_balance_updated_timestamp_seconds{channel="alipay-main"}');
    expect(Math.abs(Date.now() / 1_000 - (at ?? 0))).toBeLessThan(60);
    const { balance } = await channelOf('alipay-main');
    expect(balance).toMatchObject([{ currency: 'CNY', available_minor: 4_999, threshold_minor: 5_000 }]);
    const { problems } = await status();
    expect(problems).toContainEqual(expect.objectContaining({ urgency: 'soon', runbook: 'ChannelBalanceLow' }));
    await stage.control('alipay-main', 'balance', { amount: null });
  });

  test('grows with what buyers pay', async () => {
    const before = await eventually(async () => {
      const value = await sample(BALANCE);
      return value === 4_999 ? undefined : { value: value ?? 0 };
    }, SLOW_MS);
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { channel: 'alipay-main' }));
    await stage.control('alipay-main', 'pay', { provider_ref: body.attempts[0].provider_ref });
    await eventually(async () => (await sample(BALANCE)) === before.value + 1_000, SLOW_MS);
    await eventually(async () => (await channelOf('alipay-main')).last_callback_at !== null, SLOW_MS);
    expect((await channelOf('alipay-main')).today.successes).toEqual([{ currency: 'CNY', count: 1, sum_minor: 1_000 }]);
  });

  test('has no series where the account may not ask, and its channel is well', async () => {
    await eventually(async () => {
      const series = 'switchyard_channel_requests_total{channel="wechatpay-main",operation="balance",outcome="ok"}';
      return ((await sample(series)) ?? 0) > 0;
    }, SLOW_MS);
    const text = await (await ask('/metrics')).text();
    expect(text).not.toMatch(/^switchyard_channel_balance\w+\{channel="wechatpay-main"/m);
    expect(await channelOf('wechatpay-main')).toMatchObject({ balance: null, breaker: { create: 'closed' } });
  });
});

describe('an outage of one channel', { timeout: SLOW_MS }, () => {
  test('is on the page in words: for how long, why, and who has the traffic', async () => {
    await stage.control('alipay-main', 'faults', { outage: true });
    const text = await eventually(async () => {
      const page = await (await ask('/admin/')).text();
      return page.includes('alipay-main: down for') ? page : undefined;
    }, SLOW_MS);
    expect(text).toMatch(
      /alipay-main: down for \d+ s, [^<]*CHANNEL_\w+[^<]*; traffic goes to alipay-backup, then epay-upstream\./,
    );
    const { breakers, last_failure } = await channelOf('alipay-main');
    expect(breakers.create.cause).toMatchObject({ kind: expect.stringMatching(/^CHANNEL_/) });
    expect(Date.parse(breakers.create.since)).toBeGreaterThan(Date.now() - SLOW_MS);
    expect(last_failure.at).toMatch(/^\d{4}-.*Z$/);
    await stage.control('alipay-main', 'faults', {});
    await eventually(async () => (await channelOf('alipay-main')).breaker.create === 'closed', SLOW_MS);
    expect((await channelOf('alipay-main')).breakers.create).toMatchObject({ state: 'closed', cause: null });
  });
});

describe('the admin listener with a token', { timeout: SLOW_MS }, () => {
  test('answers who shows it, and counts who does not', async () => {
    expect((await ask('/metrics', {})).status).toBe(401);
    expect((await ask('/healthz', {})).status).toBe(200);
    await ask('/admin/', { authorization: 'Bearer not-this-one' });
    expect(await sample('switchyard_admin_refusals_total{reason="no_token"}')).toBeGreaterThan(0);
    expect(await sample('switchyard_admin_refusals_total{reason="wrong_token"}')).toBe(1);
  });

  test('is asked by the commands with the same variable', async () => {
    const ADMIN_PORT = new URL(stage.gateway().adminUrl).port;
    const listed = theatre.run(['channels'], { ADMIN_PORT, ADMIN_TOKEN: TOKEN });
    expect(await listed.ended, listed.output()).toMatchObject({ code: 0 });
    expect(listed.stdout()).toContain('alipay-main');
    const refused = theatre.run(['channels'], { ADMIN_PORT });
    expect(await refused.ended).toMatchObject({ code: 1 });
    expect(refused.stderr()).toContain('set ADMIN_TOKEN or ADMIN_TOKEN_FILE');
  });

  test('is required beyond this machine: the start is refused and says what to do', async () => {
    const started = await startSwitchyard({ ADMIN_HOST: '0.0.0.0', CONFIG: 'nowhere.yaml' });
    expect(started).toMatchObject({
      ok: false,
      error: [{ file: 'environment', path: 'ADMIN_TOKEN', message: expect.stringContaining('openssl rand -hex 32') }],
    });
  });
});

test('a status of the JSON kind is what the page shows', async () => {
  const { gateway, channels, webhooks } = await status();
  expect(gateway).toMatchObject({ store: { ok: true, reason: null }, evidence_dropped: 0, unavailable: {} });
  expect(gateway.uptime_seconds).toBeGreaterThan(0);
  expect(channels).toHaveLength(7);
  expect(webhooks).toEqual({ failing: [] });
  expect(await call('GET', `${stage.gateway().publicUrl}/admin/status`)).toMatchObject({ status: 404 });
});
