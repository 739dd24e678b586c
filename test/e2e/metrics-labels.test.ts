import { execFile } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import PACKAGE from '../../package.json' with { type: 'json' };
import { isLabelValue, LABELS, type NameSet } from '../../src/telemetry/labels.ts';
import { deliver } from './forger.ts';
import { anyMethod, orderChanges } from './fuzz-inputs.ts';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';

/** Part of whatever is sent below; no label may show it. */
const HOSTILE = 'zq9x';
const LONG = `${HOSTILE}${'a'.repeat(200)}`;
const PLACES = [HOSTILE, LONG, `${HOSTILE}%22%7D%0A`, `${HOSTILE}%00`, '..%2f..%2fetc', '%E5%AE%A2', '__proto__'];

const promtool = inject('promtool');
let stage: Stage;
let text = '';
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  await honestTrade();
  await hostileOrders();
  await hostileTargets();
  await hostileCallbacks();
  text = await (await fetch(`${stage.gateway().adminUrl}/metrics`)).text();
}, 120_000);
afterAll(() => stage?.stop());

/** So that the series are there: every channel, a refund, a failover, a shop that fails. */
async function honestTrade(): Promise<void> {
  for (const methods of [['alipay'], ['wechatpay'], ['card']]) {
    const scene = methods[0] === 'card' ? 'redirect' : 'qr';
    const { body } = await stage.api('POST', '/v1/payments', anOrder(stage, { methods, scene }));
    const { channel, provider_ref } = body.attempts[0];
    await stage.control(channel, 'pay', { provider_ref });
    await eventually(() => stage.shop.eventsOf(body.id)[0]);
    await stage.api('POST', `/v1/payments/${body.id}/refunds`, { merchant_refund_no: HOSTILE, reason: HOSTILE });
  }
  await stage.control('alipay-main', 'faults', { outage: true });
  await stage.api('POST', '/v1/payments', anOrder(stage));
  await stage.control('alipay-main', 'faults', {});
  stage.shop.answerWith({ status: 500, body: HOSTILE });
  const { body } = await stage.api('POST', '/v1/payments', anOrder(stage));
  await stage.control(body.channel, 'pay', { provider_ref: body.attempts[0].provider_ref });
  await eventually(() => stage.shop.eventsOf(body.id)[0]);
  stage.shop.answerWith({ status: 200 });
}

async function hostileOrders(): Promise<void> {
  const wrong = [
    ...[{ methods: [HOSTILE] }, { methods: [LONG, 'alipay'] }, { currency: HOSTILE }, { currency: 'ZQX' }],
    ...[{ channel: HOSTILE }, { scene: HOSTILE }, { customer: { country: HOSTILE } }, { [HOSTILE]: HOSTILE }],
    ...[{ merchant_order_no: `${HOSTILE}_1` }, { metadata: { [HOSTILE]: HOSTILE } }, { subject: `${HOSTILE}"}\n` }],
  ];
  for (const set of wrong) await stage.api('POST', '/v1/payments', anOrder(stage, set));
  for (const changes of fc.sample(orderChanges, { numRuns: 150, seed: 11 })) {
    const order = anOrder(stage, Object.fromEntries(changes));
    await stage.api('POST', '/v1/payments', order, { traceparent: HOSTILE, 'x-request-id': `${HOSTILE}-${HOSTILE}` });
  }
  await stage.api('POST', '/v1/routing/quote', anOrder(stage, { methods: [HOSTILE] }));
  await stage.api('GET', '/v1/payments', undefined, { authorization: `Bearer ${HOSTILE}` });
  await stage.api('GET', `/v1/payments?status=${HOSTILE}&merchant_order_no=${HOSTILE}`);
}

async function hostileTargets(): Promise<void> {
  const { publicUrl, adminUrl } = stage.gateway();
  const methods = [...new Set(fc.sample(anyMethod, { numRuns: 30, seed: 3 }))];
  for (const place of PLACES) {
    for (const path of [`/${place}`, `/v1/${place}`, `/v1/payments/${place}`, `/pay/${place}`, `/callbacks/${place}`]) {
      for (const method of methods) {
        await fetch(`${publicUrl}${path}?${HOSTILE}=${HOSTILE}`, { method, redirect: 'manual' });
      }
    }
    await fetch(`${adminUrl}/admin/webhooks/${place}`, { method: 'POST' });
  }
}

async function hostileCallbacks(): Promise<void> {
  const { publicUrl } = stage.gateway();
  const bodies = [
    `out_trade_no=${HOSTILE}&trade_status=${HOSTILE}&sign=${HOSTILE}&sign_type=RSA2`,
    JSON.stringify({ id: HOSTILE, event_type: HOSTILE, resource: { algorithm: HOSTILE } }),
    JSON.stringify({ id: HOSTILE, object: 'event', type: HOSTILE, data: { object: { currency: HOSTILE } } }),
  ];
  for (const channel of ['alipay-main', 'wechatpay-main', 'stripe-main', HOSTILE, LONG, 'none', 'constructor']) {
    for (const body of bodies) {
      const headers = { 'stripe-signature': `t=1,v1=${HOSTILE}`, 'wechatpay-serial': HOSTILE, traceparent: HOSTILE };
      await deliver(`${publicUrl}/callbacks/${channel}`, { method: 'POST', headers, body });
      await deliver(`${publicUrl}/callbacks/${channel}/${HOSTILE}`, { method: 'POST', headers, body });
    }
  }
}

interface Series {
  readonly metric: string;
  readonly labels: ReadonlyMap<string, string>;
}

function seriesOf(exposition: string): readonly Series[] {
  return [...exposition.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)].map(([, name = '', pairs = '']) => ({
    metric: name.replace(/^switchyard_/, '').replace(/_(bucket|sum|count)$/, ''),
    labels: new Map(
      [...pairs.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', value = '']) => [label, value]),
    ),
  }));
}

function namesOf(): Readonly<Record<NameSet, ReadonlySet<string>>> {
  const { channels, merchantIds, alertThresholds, settings } = stage.gateway().config;
  return {
    channel: new Set(channels.map(({ id }) => id)),
    method: new Set(channels.flatMap(({ profile }) => profile.methods)),
    currency: new Set(channels.flatMap(({ profile }) => profile.currencies)),
    merchant: new Set(merchantIds),
    provider: new Set(channels.map(({ providerId }) => providerId)),
    alert: new Set(alertThresholds.keys()),
    version: new Set([PACKAGE.version]),
    rule: new Set((settings.routing.rules ?? []).map(({ name }) => name)),
  };
}

describe('after requests of every hostile kind', () => {
  test('every label value of every series is a word of the code or a name of the configuration', () => {
    const names = namesOf();
    const open = seriesOf(text)
      .filter(({ metric }) => !/^(process|nodejs)_/.test(metric))
      .flatMap(({ metric, labels }) =>
        [...labels]
          .filter(([label]) => label !== 'le')
          .filter(([label, value]) => !isLabelValue({ metric, label, value }, names))
          .map(([label, value]) => `${metric}{${label}="${value}"}`),
      );
    expect(open).toEqual([]);
    expect(seriesOf(text).length).toBeGreaterThan(200);
  });

  test('the whole exposition shows nothing of what was sent', () => {
    expect(text).not.toContain(HOSTILE);
    expect(text).not.toMatch(/\bpay_|evt_|rf_|sk_|@/);
  });

  test('every metric has just the labels that are declared for it', () => {
    const declared: Readonly<Record<string, object>> = LABELS;
    const wrong = seriesOf(text)
      .filter(({ metric }) => !/^(process|nodejs)_/.test(metric))
      .filter(({ metric, labels }) => {
        const own = [...labels.keys()].filter((label) => label !== 'le').sort();
        return (
          own.join() !==
          Object.keys(declared[metric] ?? {})
            .sort()
            .join()
        );
      });
    expect(wrong).toEqual([]);
  });

  test('the run has really moved what it should not have opened', () => {
    expect(text).toMatch(/^switchyard_callbacks_total\{channel="none",outcome="unknown_payment"\} [1-9]/m);
    expect(text).toMatch(/^switchyard_callbacks_total\{channel="stripe-main",outcome="\w+"\} [1-9]/m);
    expect(text).toMatch(/^switchyard_payments_total\{method="none",outcome="rejected"\} [1-9]/m);
    expect(text).toMatch(/^switchyard_refunds_total\{channel="alipay-main",/m);
    expect(text).toMatch(/^switchyard_webhook_deliveries_total\{outcome="failed"\} [1-9]/m);
  });
});

describe.skipIf('missing' in promtool)('promtool', () => {
  test('finds no fault in names, types and help of our metrics', async () => {
    const said = await new Promise<string>((resolve) => {
      const path = 'path' in promtool ? promtool.path : '';
      const checking = execFile(path, ['check', 'metrics'], (error, stdout, stderr) => {
        // What prom-client calls its own metrics is not ours to change; exit code 3 is for those.
        resolve(error && error.code !== 3 ? `${error.message}${stderr}` : stdout + stderr);
      });
      checking.stdin?.end(text);
    });
    expect(said.split('\n').filter((line) => line !== '' && !/^(process|nodejs)_/.test(line))).toEqual([]);
  });
});
