import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { describeFaults } from '../../src/config/index.ts';
import { aProvider, faultsOf, GATEWAY, lineOfPart, loaded, MERCHANTS, replaced, SHIPPED } from './builders.ts';

const SHIPPED_PROVIDERS = ['alipay', 'wechatpay', 'stripe', 'paypal', 'epay', 'usdt'].map(aProvider);
const PRODUCTION = { production: true, env: { PUBLIC_URL: 'https://pay.example' } };

test('the shipped files load with nothing set, and every channel is a sandbox without credentials', () => {
  const config = loaded(SHIPPED, { providers: SHIPPED_PROVIDERS });
  expect(config.channels.map(({ id, mode, credentials }) => [id, mode, credentials])).toEqual([
    ['alipay-main', 'sandbox', null],
    ['alipay-backup', 'sandbox', null],
    ['wechatpay-main', 'sandbox', null],
    ['stripe-main', 'sandbox', null],
    ['paypal-main', 'sandbox', null],
    ['epay-upstream', 'sandbox', null],
    ['usdt-main', 'sandbox', null],
  ]);
  expect(config.settings).toMatchObject({ allowHttpUrls: true, webhooks: { allowPrivateAddresses: true } });
  expect(config.merchants.bySecretKey('sk_sandbox_demo')).toMatchObject({
    id: 'm_demo',
    webhookUrl: null,
    webhookSecrets: ['whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8='],
    channels: 'all',
    limits: { maxAmountMinor: null, perMinute: 600 },
  });
  expect(config.merchants.byEpayPid(1000)).toMatchObject({
    id: 'm_demo',
    epay: { pid: 1000, keys: ['sandbox-epay-key'], signs: ['md5', 'sha256'] },
  });
  expect(config.warnings).toEqual([]);
});

test('the defaults that the shipped file names are what it gets without them', () => {
  const shipped = loaded(SHIPPED, { providers: SHIPPED_PROVIDERS });
  const bare = `version: 1
channels:
  alipay-main:
    { provider: alipay, mode: sandbox, methods: [alipay], currencies: [CNY], scenes: [redirect, qr, wap], fee: { rate: 0.6%, min: 1 }, limits: { max: 5000000 } }
`;
  const defaulted = loaded({ gateway: bare, merchants: SHIPPED.merchants }, { providers: SHIPPED_PROVIDERS });
  expect(defaulted.settings).toEqual(shipped.settings);
  expect(defaulted.channels[0]).toEqual(shipped.channels[0]);
  expect(defaulted.alertThresholds).toEqual(shipped.alertThresholds);
});

test('every unit arrives in the unit that the other parts count in', () => {
  const config = loaded();
  expect(config.channels[0]).toEqual({
    id: 'pay-main',
    providerId: 'fake',
    mode: 'live',
    credentials: { app: 'app-1', secret: 'dont-look-at-me-4711' },
    profile: {
      id: 'pay-main',
      enabled: true,
      weight: 100,
      methods: ['alipay'],
      currencies: ['CNY'],
      scenes: ['redirect', 'qr'],
      fee: { ratePpm: 6_000, fixedMinor: 0, minMinor: 1, maxMinor: 500 },
      limits: { minMinor: 1, maxMinor: 5_000_000, dailyMinor: 100_000_000, perMinute: 60, pacing: 'none' },
      timezone: 'Asia/Shanghai',
      maintenance: [],
      settlementDelayMs: 86_400_000,
    },
    timeouts: { createMs: 3_000, queryMs: 2_000, refundMs: 5_000 },
    breaker: { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 15_000 },
    queriesPerSecond: 12.5,
  });
  expect(config.settings).toEqual({
    routing: {
      strategy: 'weights',
      weights: { success: 60, fee: 25, latency: 10, settlement: 5 },
      marginBps: 2_500,
      bandEdgesMinor: [2_000, 20_000, 200_000],
      explorationShare: 0.02,
      rules: [],
    },
    failover: { maxAttempts: 3, budgetMs: 8_000 },
    policies: { lateSuccess: 'accept', surplus: 'refund', amountMismatch: 'hold', paidKnownWithinMs: 90_000 },
    webhooks: {
      timeoutMs: 10_000,
      allowPrivateAddresses: false,
      concurrencyPerEndpoint: 4,
      pauseAfterMs: 43_200_000,
    },
    epayTypes: new Map(),
    allowHttpUrls: false,
    balanceEveryMs: 300_000,
  });
  expect([...config.alertThresholds]).toEqual([
    ['success_rate_below', 0.95],
    ['min_volume', 20],
    ['callback_delay_p95_above', 90],
    ['webhook_oldest_above', 300],
    ['balance_below:pay-main', 100_000],
  ]);
});

test.each([
  ['0%', 0],
  ['0.0001%', 1],
  ['0.6%', 6_000],
  ['2.9%', 29_000],
  ['4.35%', 43_500],
  ['100%', 1_000_000],
])('a fee of %s is exactly %i parts per million', (rate, ratePpm) => {
  const gateway = replaced(GATEWAY, 'rate: 0.6%', `rate: ${rate}`);
  expect(loaded({ gateway }).channels[0]?.profile.fee.ratePpm).toBe(ratePpm);
});

test('every fault of both files is named at once, sorted by file and line', () => {
  const gateway = GATEWAY.replace('exploration: 2%', 'exploration: 2')
    .replace('weight: 100', 'wieght: 100')
    .replace('failure_rate: 50%', 'failure_rate: 50')
    .replace('app: app-1', 'app: ""')
    .replace('[USD, JPY]', '[USD, YEN]');
  const merchants = MERCHANTS.replace('- key-of-the-first-shop', '- short').replace('[key-of-the-other-shop]', '[]');
  expect(describeFaults(faultsOf({ gateway, merchants }))).toBe(
    `/etc/pay/gateway.yaml:4: routing.exploration: is not a share; write it with a percent sign and at most four decimals, for example 0.6%
/etc/pay/gateway.yaml:13: channels.pay-main.wieght: is not a known key; did you mean weight?
/etc/pay/gateway.yaml:33: channels.pay-main.breaker.failure_rate: is not a share; write it with a percent sign and at most four decimals, for example 0.6%
/etc/pay/gateway.yaml:39: channels.pay-main.credentials.app: must have at least 3 characters
/etc/pay/gateway.yaml:45: channels.pay-backup.currencies[1]: is not a currency; write an ISO 4217 code in upper case, for example CNY, or USDT
/etc/pay/merchants.yaml:5: merchants.m_shop.secret_keys[0]: must have at least 15 characters; make one with: openssl rand -hex 24
/etc/pay/merchants.yaml:22: merchants.m_other.secret_keys: must have at least 1 entry`,
  );
});

test('a fault never repeats a configured value', () => {
  const gateway = GATEWAY.replace('secret: dont-look-at-me-4711', 'secret: [dont-look-at-me-4711]');
  const merchants = MERCHANTS.replace('whsec_MDEyMzQ1Njc4OWFiY2RlZg==', 'whsec_dont-look-at-me-4711');
  const broken = `${MERCHANTS}    secret: "dont-look-at-me-4711" dont-look-at-me-4711\n`;
  expect(describeFaults(faultsOf({ gateway, merchants }))).not.toContain('4711');
  expect(describeFaults(faultsOf({ merchants: broken }))).not.toContain('4711');
});

test('a missing file is named, together with the faults of the other one', () => {
  const readFile = () => {
    throw Object.assign(new Error('gone'), { code: 'ENOENT' });
  };
  expect(describeFaults(faultsOf({}, { readFile }))).toBe(
    '/etc/pay/gateway.yaml: there is no such file\n/etc/pay/merchants.yaml: there is no such file',
  );
});

test('credentials of a sandbox channel are ignored, also when what they refer to is missing', () => {
  const gateway = replaced(
    replaced(GATEWAY, 'mode: live', 'mode: sandbox'),
    'secret: dont-look-at-me-4711',
    `secret: "\${NOT_SET}"\n      other: file:not-there`,
  );
  expect(loaded({ gateway }).channels[0]?.credentials).toBeNull();
});

test('what a simulator made up is parsed like live credentials', () => {
  const sandboxCredentials = () => ({ app: 'simulated', secret: 'simulated-secret' });
  const channels = loaded({}, { sandboxCredentials }).channels;
  expect(channels.map(({ credentials }) => credentials)).toEqual([
    { app: 'app-1', secret: 'dont-look-at-me-4711' },
    sandboxCredentials(),
  ]);
  expect(faultsOf({}, { sandboxCredentials: () => ({ app: 'simulated' }) })).toMatchObject([
    { path: 'channels.pay-backup.credentials.secret', message: 'is required' },
  ]);
});

test('production refuses sandbox channels, whatever else is wrong with them', () => {
  const gateway = replaced(GATEWAY, 'methods: [card]', 'methods: [cards]');
  expect(faultsOf({ gateway }, PRODUCTION).map(({ path, line }) => [path, line])).toEqual([
    ['channels.pay-backup.mode', lineOfPart(gateway, 'mode: sandbox')],
    ['channels.pay-backup.methods[0]', lineOfPart(gateway, 'methods: [cards]')],
  ]);
});

test('production takes a configuration of live channels and real secrets', () => {
  const [live = '', rest = ''] = GATEWAY.split('  pay-backup:');
  const gateway = `${live}policies:${rest.split('policies:')[1]}`;
  expect(loaded({ gateway }, PRODUCTION).warnings).toEqual([]);
});

test('production refuses every secret of the demo merchant, also as a hash or from the environment', () => {
  const hash = createHash('sha256').update('sk_sandbox_demo').digest('hex');
  const merchants = SHIPPED.merchants
    .replace('secret_keys: [', `secret_keys: ["sha256:${hash}", `)
    .replace('name: Demo shop', 'name: My own shop');
  const env = { ...PRODUCTION.env, DEMO_SECRET_KEY: 'a-key-of-my-own-1234' };
  const paths = faultsOf({ merchants }, { ...PRODUCTION, env })
    .filter((fault) => fault.file.endsWith('merchants.yaml'))
    .map((fault) => fault.path);
  expect(paths).toEqual([
    'merchants.m_demo.secret_keys[0]',
    'merchants.m_demo.webhook.secret',
    'merchants.m_demo.epay.key',
  ]);
});

test('production refuses an epay key that can be guessed offline', () => {
  const merchants = replaced(MERCHANTS, '0123456789abcdef0123456789ABCDEF', '0123456789abcdef');
  loaded({ merchants });
  const faults = faultsOf({ merchants }, PRODUCTION);
  expect(faults.find((fault) => fault.path.endsWith('epay.key'))?.message).toMatch(/at least 32/);
});

test.each([
  ['not set', undefined, false, true],
  ['plain http', 'http://pay.example', false, true],
  ['plain http, which is allowed', 'http://pay.example', true, false],
  ['https', 'https://pay.example', false, false],
])('PUBLIC_URL in production: %s', (_, url, allowHttp, refused) => {
  const faults = faultsOf(
    { gateway: `${GATEWAY}allow_http: ${allowHttp}\n` },
    { production: true, env: { PUBLIC_URL: url } },
  );
  expect(faults.some((fault) => fault.path === 'PUBLIC_URL' && fault.file === 'environment')).toBe(refused);
});

test('outside production a demo secret beside a live channel is a warning', () => {
  const merchants = replaced(MERCHANTS, 'key-of-the-other-shop', 'sk_sandbox_demo');
  expect(loaded({ merchants }).warnings).toMatchObject([{ path: 'merchants.m_other.secret_keys[0]', line: 22 }]);
});

test('private addresses are open to webhooks only while every channel is a sandbox, unless said otherwise', () => {
  const gateway = replaced(GATEWAY, '  allow_private_addresses: false\n', '');
  expect(loaded({ gateway }).settings.webhooks.allowPrivateAddresses).toBe(false);
  const sandboxes = replaced(gateway, 'mode: live', 'mode: sandbox');
  expect(loaded({ gateway: sandboxes }).settings.webhooks.allowPrivateAddresses).toBe(true);
  const closed = replaced(GATEWAY, 'mode: live', 'mode: sandbox');
  expect(loaded({ gateway: closed }).settings.webhooks.allowPrivateAddresses).toBe(false);
});
