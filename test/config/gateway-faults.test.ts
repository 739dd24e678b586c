import { describe, expect, test } from 'vitest';
import { faultsOf, GATEWAY, lineOfPart, loaded, MERCHANTS, replaced } from './builders.ts';

/** What is replaced, by what, and the one fault that has to follow: its path, its message, and the text on its line. */
type Row = readonly [from: string, to: string, path: string, message: RegExp, lineHas?: string];

const ROUTING: readonly Row[] = [
  ['version: 1', 'version: 2', 'version', /must be 1/],
  ['version: 1', 'version: "1"', 'version', /^must be 1, without quotes$/],
  ['version: 1\n', '', 'version', /is required/, 'routing:'],
  ['routing:\n', 'ruoting:\n', 'ruoting', /not a known key; did you mean routing\?/],
  ['success: 60,', 'success: -1,', 'routing.weights.success', /at least 0/],
  ['success: 60,', 'succes: 60, success: 1,', 'routing.weights.succes', /did you mean success\?/],
  ['success: 60,', '', 'routing.weights.success', /is required/, 'weights:'],
  ['success: 60,', 'success: many,', 'routing.weights.success', /must be a number, not a text/],
  [
    'success: 60, fee: 25, latency: 10, settlement: 5',
    'success: 0, fee: 0, latency: 0, settlement: 0',
    'routing.weights',
    /not all be 0/,
  ],
  ['exploration: 2%', 'exploration: 0.02', 'routing.exploration', /percent sign/],
  ['exploration: 2%', 'exploration: 101%', 'routing.exploration', /at most 100%/],
  [
    'exploration: 2%',
    'exploration: -1%',
    'routing.exploration',
    /^is not a share: it is negative; write for example 0.6%$/,
  ],
  ['max_attempts: 3', 'max_attempts: 0', 'routing.failover.max_attempts', /at least 1/],
  ['max_attempts: 3', 'max_attempts: 11', 'routing.failover.max_attempts', /at most 10/],
  ['max_attempts: 3', 'max_attempts: 1.5', 'routing.failover.max_attempts', /a whole number, not a fraction/],
  ['budget: 8s', 'budget: 8', 'routing.failover.budget', /not a duration/],
  ['budget: 8s', 'budget: 8 s', 'routing.failover.budget', /not a duration/],
  ['budget: 8s', 'budget: 2h', 'routing.failover.budget', /between 100ms and 60s/],
  ['  exploration: 2%', '  rules: yes', 'routing.rules', /must be a list/],
];

const CHANNEL: readonly Row[] = [
  ['  pay-main:\n', '  Pay_Main:\n', 'channels.Pay_Main', /a-z, 0-9 and -/],
  [
    'provider: fake\n    mode: live',
    'provider: fkae\n    mode: live',
    'channels.pay-main.provider',
    /one of fake; |must be fake/,
  ],
  ['mode: live', 'mode: production', 'channels.pay-main.mode', /one of sandbox, live/],
  ['mode: live', 'mode: livee', 'channels.pay-main.mode', /did you mean live\?/],
  ['    mode: live\n', '', 'channels.pay-main.mode', /is required/, 'pay-main:'],
  ['enabled: true', 'enabled: "true"', 'channels.pay-main.enabled', /true or false, not a text/],
  ['weight: 100', 'wieght: 100', 'channels.pay-main.wieght', /did you mean weight\?/],
  ['weight: 100', 'weight: -1', 'channels.pay-main.weight', /at least 0/],
  ['weight: 100', 'weight: .nan', 'channels.pay-main.weight', /^must be an ordinary number; \.nan is none$/],
  ['weight: 100', 'weight: -.inf', 'channels.pay-main.weight', /^must be an ordinary number; -\.inf is none$/],
  ['weight: 100', 'weight: "100"', 'channels.pay-main.weight', /^must be a number, not a text; take the quotes away$/],
  [
    'weight: 100',
    'weight: 50%',
    'channels.pay-main.weight',
    /^must be a number, not a text; leave the percent sign out$/,
  ],
  ['weight: 100', 'weight: heavy', 'channels.pay-main.weight', /^must be a number, not a text$/],
  ['methods: [alipay]', 'methods: []', 'channels.pay-main.methods', /at least 1 entry/],
  ['methods: [alipay]', 'methods: alipay', 'channels.pay-main.methods', /must be a list, not a text/],
  ['methods: [alipay]', 'methods: [alipay, alypay]', 'channels.pay-main.methods[1]', /did you mean alipay\?/],
  ['methods: [alipay]', 'methods: [alipay, alipay]', 'channels.pay-main.methods', /twice/],
  [
    'currencies: [CNY]',
    'currencies: [RMB]',
    'channels.pay-main.currencies[0]',
    /not a currency; .* in upper case, for example CNY/,
  ],
  ['currencies: [CNY]', 'currencies: []', 'channels.pay-main.currencies', /at least 1/],
  [
    'currencies: [CNY]',
    'currencies:\n      - CNY\n      - cny # here',
    'channels.pay-main.currencies[1]',
    /not a currency/,
    '# here',
  ],
  [
    'scenes: [redirect, qr]',
    'scenes: [redirect, app]',
    'channels.pay-main.scenes[1]',
    /one of qr, redirect, wap, inapp/,
  ],
  ['settlement_delay: 1d', 'settlement_delay: T+1', 'channels.pay-main.settlement_delay', /not a duration/],
  ['settlement_delay: 1d', 'settlement_delay: 91d', 'channels.pay-main.settlement_delay', /between/],
  ['create: 3s', 'create: 0s', 'channels.pay-main.timeouts.create', /between 100ms and 30s/],
  ['query: 2s', 'query: 31s', 'channels.pay-main.timeouts.query', /between/],
  ['refund: 5s', 'refund: soon', 'channels.pay-main.timeouts.refund', /not a duration/],
  ['failure_rate: 50%', 'failure_rate: 0%', 'channels.pay-main.breaker.failure_rate', /more than 0%/],
  ['min_requests: 10', 'min_requests: 0', 'channels.pay-main.breaker.min_requests', /at least 1/],
  ['window: 10s', 'window: 10ms', 'channels.pay-main.breaker.window', /between/],
  ['open_for: 15s', 'open_for: 1d', 'channels.pay-main.breaker.open_for', /between/],
  ['open_for: 15s', 'open: 15s', 'channels.pay-main.breaker.open', /not a known key/],
  ['      app: app-1\n', '', 'channels.pay-main.credentials.app', /is required/, 'credentials:'],
  ['app: app-1', 'app: 4711', 'channels.pay-main.credentials.app', /put quotes around it/],
  ['app: app-1', 'appp: app-1\n      app: app-1', 'channels.pay-main.credentials.appp', /did you mean app\?/],
  ['secret: dont-look-at-me-4711', 'secret: ""', 'channels.pay-main.credentials.secret', /at least 10/],
  ['secret: dont-look-at-me-4711', 'secret: changeme', 'channels.pay-main.credentials.secret', /at least 10/],
];

const MONEY: readonly Row[] = [
  ['rate: 0.6%', 'rate: 0.006', 'channels.pay-main.fee.rate', /percent sign/],
  ['rate: 0.6%', 'rate: 0.60001%', 'channels.pay-main.fee.rate', /at most four decimals/],
  ['rate: 0.6%', 'rate: 1e1%', 'channels.pay-main.fee.rate', /not a share/],
  ['      rate: 0.6%\n', '', 'channels.pay-main.fee.rate', /is required/, 'fee:\n'],
  ['fixed: 0', 'fixed: 1e300', 'channels.pay-main.fee.fixed', /^must be at most 10000000000000$/],
  ['fixed: 0', 'fixed: -1e300', 'channels.pay-main.fee.fixed', /^must be at least 0$/],
  ['fixed: 0', 'fixed: 0.5', 'channels.pay-main.fee.fixed', /a whole number, not a fraction/],
  ['fixed: 0', 'fixed: -30', 'channels.pay-main.fee.fixed', /at least 0/],
  ['min: 1\n      max: 500\n', 'min: 501\n      max: 500\n', 'channels.pay-main.fee.min', /more than fee.max/],
  ['max: 500\n', 'max: 99999999999999\n', 'channels.pay-main.fee.max', /at most 10000000000000/],
  [
    'min: 1\n      max: 5000000',
    'min: 5000001\n      max: 5000000',
    'channels.pay-main.limits.min',
    /more than limits.max/,
  ],
  ['max: 5000000', 'max: 50000.00001', 'channels.pay-main.limits.max', /a whole number/],
  ['daily: 100000000', 'daily: 9007199254740993', 'channels.pay-main.limits.daily', /at most/],
  ['daily: 100000000', 'daily: 0', 'channels.pay-main.limits.daily', /at least 1/],
  [
    'per_minute: 60',
    'per_minute: lots',
    'channels.pay-main.limits.per_minute',
    /^must be a number, or null for no limit$/,
  ],
];

const REST: readonly Row[] = [
  ['late_success: accept', 'late_success: ignore', 'policies.late_success', /one of accept, refund, hold/],
  ['surplus: refund', 'surplus: keep', 'policies.surplus', /one of accept, refund, hold/],
  ['amount_mismatch: hold', 'amount_mismatch: 1', 'policies.amount_mismatch', /one of accept, refund, hold/],
  ['paid_known_within: 90s', 'paid_known_within: 5s', 'queries.paid_known_within', /between 10s and 1h/],
  ['concurrency: 4', 'concurrency: 0', 'webhooks.concurrency', /1/],
  ['pause_after: 12h', 'pause_after: 4d', 'webhooks.pause_after', /between 1m and 3d/],
  ['retention: 400d', 'retention: 1h', 'evidence.retention', /between 1d/],
  ['  timeout: 10s', '  timeout: 10m', 'webhooks.timeout', /between 1s and 30s/],
  ['max_age: 3d', 'max_age: 7d', 'webhooks.max_age', /must be 3d/],
  [
    'allow_private_addresses: false',
    'allow_private_addresses: no',
    'webhooks.allow_private_addresses',
    /true or false/,
  ],
  ['allow_private_addresses: false', 'allow_private: false', 'webhooks.allow_private', /not a known key/],
  ['success_rate_below: 95%', 'success_rate_below: 95', 'alerts.success_rate_below', /percent sign/],
  ['min_volume: 20', 'min_volume: 0', 'alerts.min_volume', /at least 1/],
  [
    'callback_delay_p95_above: 90s',
    'callback_delay_p95_above: 90',
    'alerts.callback_delay_p95_above',
    /not a duration/,
  ],
  ['webhook_oldest_above: 5m', 'webhook_oldest_above: 8d', 'alerts.webhook_oldest_above', /between/],
  [
    '    pay-main: 100000',
    '    pay-mian: 100000',
    'alerts.balance_below.pay-mian',
    /does not have; did you mean pay-main\?/,
  ],
  ['    pay-main: 100000', '    pay-main: -1', 'alerts.balance_below.pay-main', /at least 0/],
];

describe.each([
  ['routing', ROUTING],
  ['a channel', CHANNEL],
  ['fees and limits', MONEY],
  ['policies, webhooks and alerts', REST],
] as const)('faults of %s', (_, rows) => {
  test.each(rows.map((row) => [row[1] === '' ? `without ${row[0].trim()}` : row[1].trim(), row] as const))(
    '%s',
    (_name, row) => {
      const [from, to, path, message, lineHas = to.trim()] = row;
      const gateway = replaced(GATEWAY, from, to);
      // A renamed channel is missed by those who speak of it, which is a fault of theirs.
      const faults = faultsOf({ gateway }).filter(
        (fault) => !/names a channel/.test(fault.message) || fault.path === path,
      );
      const found = faults.filter((fault) => fault.path === path);
      expect(found).toEqual([
        expect.objectContaining({ file: '/etc/pay/gateway.yaml', line: lineOfPart(gateway, lineHas) }),
      ]);
      expect(found[0]?.message).toMatch(message);
      const consequences = faults.filter((fault) => fault.path !== path && !/is required/.test(fault.message));
      expect(consequences).toEqual([]);
    },
  );
});

test('a configuration without channels is refused', () => {
  const [head = ''] = GATEWAY.split('channels:');
  const merchants = replaced(MERCHANTS, '    channels: [pay-main]\n', '');
  expect(faultsOf({ gateway: head, merchants }).map((fault) => fault.path)).toEqual(['channels']);
  expect(faultsOf({ gateway: `${head}channels: {}\n`, merchants })).toMatchObject([{ path: 'channels', line: 8 }]);
});

test('an absent or empty list of rules is accepted, as is a section whose every line is commented out', () => {
  loaded({ gateway: replaced(GATEWAY, '  exploration: 2%', '  rules: []') });
  const gateway = GATEWAY.replace(/^alerts:\n( .*\n)+/m, 'alerts:\n  # nothing\n');
  expect(loaded({ gateway }).alertThresholds.get('min_volume')).toBe(20);
});
