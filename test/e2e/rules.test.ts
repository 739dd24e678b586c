import { afterEach, describe, expect, test } from 'vitest';
import { anOrder, call, eventually, openStage, patient, type Stage } from './stage.ts';

let stage: Stage;
afterEach(() => stage.stop());

/** A second instance of the provider, as for a new version of its API. */
const ALIPAY_V4 = `  alipay-v4:
    provider: alipay
    mode: sandbox
    methods: [alipay]
    currencies: [CNY]
    scenes: [redirect, qr, wap]
    fee: { rate: 5% }
`;

/** The shipped configuration with these rules and a dear third Alipay channel; `edit` changes more. */
async function open(rules: readonly string[], edit: (yaml: string) => string = (yaml) => yaml): Promise<void> {
  const list = rules.map((rule) => `    - ${rule}\n`).join('');
  stage = await openStage({
    editConfig: (yaml) =>
      edit(
        patient(yaml)
          .replace('exploration: 0%', `exploration: 0%${list && `\n  rules:\n${list}`}`)
          .replace('  wechatpay-main:\n', `${ALIPAY_V4}\n  wechatpay-main:\n`),
      ),
  });
}

async function create(set: Readonly<Record<string, unknown>> = {}) {
  return stage.api('POST', '/v1/payments', anOrder(stage, set));
}

async function decisionsOf(id: string) {
  return (await stage.api('GET', `/v1/payments/${id}/routing`)).body.data;
}

/** The buyer pays, and the shop is told once. */
async function paysAndIsTold(payment: { id: string; attempts: { channel: string; provider_ref: string }[] }) {
  const { channel, provider_ref } = payment.attempts.at(-1) ?? { channel: '', provider_ref: '' };
  await stage.control(channel, 'pay', { provider_ref });
  const event = await eventually(() => stage.shop.eventsOf(payment.id)[0]);
  expect(event).toMatchObject({ type: 'payment.succeeded', data: { channel } });
}

describe('a rule over HTTP', () => {
  test('that excludes keeps a channel out, and decision and quote name it', async () => {
    await open([`{ name: risky, when: "metadata.risk == 'high'", exclude: [alipay-main, alipay-v4] }`]);
    expect((await create()).body.channel).not.toBe('alipay-v4');
    const { body } = await create({ metadata: { risk: 'high' } });
    expect(body.channel).toBe('alipay-backup');
    const [decision] = await decisionsOf(body.id);
    expect(decision).toMatchObject({ rules: [{ name: 'risky', effect: 'exclude' }], reason: 'best_score' });
    expect(decision.explanation).toContain('risky excludes alipay-main, alipay-v4');
    expect(decision.candidates).toContainEqual(
      expect.objectContaining({ channel: 'alipay-main', excluded: 'rule', rule: 'risky' }),
    );
    const asked = { amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr' };
    const quote = await stage.api('POST', '/v1/routing/quote', { ...asked, metadata: { risk: 'high' } });
    expect(quote.body).toMatchObject({ channel: 'alipay-backup' });
    expect(quote.body.candidates).toContainEqual(expect.objectContaining({ channel: 'alipay-v4', rule: 'risky' }));
    expect(await stage.metric('switchyard_routing_rule_errors_total{rule="risky"}')).toBeGreaterThan(0);
    await paysAndIsTold(body);
  });

  test('that requires a channel refuses the payment rather than sending it elsewhere', async () => {
    await open([`{ name: large, when: "amount >= 5000", require: [alipay-backup] }`]);
    expect((await create({ amount: 5000 })).body.channel).toBe('alipay-backup');
    await stage.control('alipay-backup', 'faults', { outage: true });
    const refused = await create({ amount: 5000 });
    expect(refused).toMatchObject({ status: 503, body: { code: 'no_channel_available' } });
    expect(refused.body.detail).toContain('alipay-main: rule large');
    const pinned = await create({ amount: 5000, channel: 'alipay-main' });
    expect(pinned).toMatchObject({ status: 422, body: { code: 'channel_rejected' } });
    expect(pinned.body.detail).toContain('rule large');
    expect((await create({ amount: 4999 })).status).toBe(201);
  });

  test('that prefers a channel puts it first, and failover goes on', async () => {
    await open([`{ name: small, when: "amount < 500 && 'alipay' in methods", prefer: [alipay-v4] }`]);
    const { body } = await create({ amount: 499 });
    expect(body.channel).toBe('alipay-v4');
    expect((await decisionsOf(body.id))[0]).toMatchObject({
      ...{ reason: 'preferred', rules: [{ name: 'small', effect: 'prefer' }] },
      explanation: 'small prefers alipay-v4',
    });
    await paysAndIsTold(body);
    await stage.control('alipay-v4', 'faults', { outage: true });
    const next = await create({ amount: 499 });
    expect(next.body.attempts.at(-1).channel).not.toBe('alipay-v4');
    expect(next.body.attempts.at(-1).status).toBe('open');
  });

  test('that splits is a canary between two instances of a provider, whose callbacks both count', async () => {
    await open([`{ name: canary, when: "true", split: { alipay-main: 50%, alipay-v4: 50% } }`]);
    const created: Awaited<ReturnType<typeof create>>['body'][] = [];
    for (let i = 0; i < 40; i += 1) created.push((await create()).body);
    const of = (channel: string) => created.find((payment) => payment.channel === channel);
    expect(new Set(created.map(({ channel }) => channel))).toEqual(new Set(['alipay-main', 'alipay-v4']));
    const [decision] = await decisionsOf(of('alipay-v4').id);
    expect(decision).toMatchObject({ reason: 'split', rules: [{ name: 'canary', effect: 'split' }] });
    expect(decision.draw).toBeGreaterThanOrEqual(0.5);
    expect(decision.explanation).toBe('canary sends 50% to alipay-v4');
    await paysAndIsTold(of('alipay-v4'));
    await paysAndIsTold(of('alipay-main'));
  });
});

describe('the limits of a channel', () => {
  const limited = (yaml: string): string =>
    yaml.replace(
      'limits: { min: 1, max: 5000000, daily: null, per_minute: null }',
      'limits: { min: 1, max: 5000000, daily: 2000, per_minute: null }',
    );

  test('are kept by payments at the same time, and over a restart', async () => {
    await open([`{ name: first, when: "true", prefer: [alipay-main] }`], limited);
    const together = await Promise.all(Array.from({ length: 10 }, () => create()));
    const onMain = together.filter(({ body }) => body.channel === 'alipay-main');
    expect(onMain).toHaveLength(2);
    await paysAndIsTold(onMain[0]?.body);
    await stage.restart();
    const { body } = await create();
    expect(body.channel).not.toBe('alipay-main');
    const [decision] = await decisionsOf(body.id);
    expect(decision.candidates).toContainEqual(
      expect.objectContaining({ channel: 'alipay-main', excluded: 'daily_limit' }),
    );
    const { body: status } = await call('GET', `${stage.gateway().adminUrl}/admin/status`);
    const full = status.channels.flatMap((one: { channel: string; full: object[] }) =>
      one.full.map((limit) => ({ channel: one.channel, ...limit })),
    );
    expect(full).toMatchObject([{ channel: 'alipay-main', limit: 'daily', currency: 'CNY', left_minor: 0 }]);
  });
});

describe('the state of a channel', () => {
  const states = async () => {
    const { body } = await call('GET', `${stage.gateway().adminUrl}/admin/status`);
    return new Map<string, string>(body.channels.map((c: { channel: string; state: string }) => [c.channel, c.state]));
  };

  test('says how many orders a draining channel still has, what may be removed, and until when one is away', async () => {
    const drained = (yaml: string): string =>
      yaml
        .replace(
          'provider: alipay\n    mode: sandbox\n    methods',
          'provider: alipay\n    mode: sandbox\n    weight: 0\n    methods',
        )
        .replace(
          '    settlement_delay: 1d\n',
          '    settlement_delay: 1d\n    maintenance: [{ daily: "00:00-24:00" }]\n',
        );
    await open([], drained);
    expect((await states()).get('alipay-v4')).toBe('drained, may be removed');
    expect((await states()).get('alipay-backup')).toBe('sandbox');
    const away = [...(await states()).values()].filter((state) => state === 'maintenance until 24:00 Asia/Shanghai');
    expect(away).toHaveLength(1);
  });
});
