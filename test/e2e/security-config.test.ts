import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startSwitchyard } from '../../src/main.ts';
import { type ConfigEdits, impatientConfig } from './stage.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The faults of a start that has to be refused. */
async function refused(edits: ConfigEdits, env: Readonly<Record<string, string>> = {}) {
  const CONFIG = await impatientConfig(folder, edits);
  const started = await startSwitchyard({
    ...{ CONFIG, DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent', PORT: '0', ADMIN_PORT: '0', SANDBOX_PORT: '0' },
    ...env,
  });
  if (started.ok) await started.value.stop();
  return started.ok ? [] : started.error;
}

const pem = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const theirs = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

/** Credentials that are well-formed; each test empties one. */
const CREDENTIALS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'alipay-main': {
    app_id: '2021000000000001',
    private_key: pem.privateKey,
    alipay_public_key: theirs.publicKey,
    seller_id: '2088000000000001',
  },
  'wechatpay-main': {
    appid: 'wx0123456789abcdef',
    mchid: '1900000001',
    serial_no: '5157F09EFDC096DE15EBE81A47057A7232F1B8E1',
    private_key: pem.privateKey,
    api_v3_key: 'k3y0f32bytes-k3y0f32bytes-k3y0f3',
  },
  'stripe-main': {
    secret_key: 'sk_live_51Hq0aBcDeFgHiJkLmNoPqRsT',
    publishable_key: 'pk_live_51Hq0aBcDeFgHiJkLmNoPqRsT',
    webhook_secrets: ['whsec_0123456789abcdefABCDEF0123456789'],
    account: 'acct_1Hq0aBcDeFgHiJk',
  },
};

function live(channel: string, set: Readonly<Record<string, unknown>> = {}): ConfigEdits {
  const credentials = JSON.stringify({ ...CREDENTIALS[channel], ...set });
  return {
    editConfig: (yaml) => {
      const at = yaml.indexOf('    mode: sandbox', yaml.indexOf(`\n  ${channel}:`));
      return `${yaml.slice(0, at)}    mode: live\n    credentials: ${credentials}${yaml.slice(at + '    mode: sandbox'.length)}`;
    },
  };
}

const PROTECTING: readonly [string, string][] = [
  ['alipay-main', 'private_key'],
  ['alipay-main', 'alipay_public_key'],
  ['alipay-main', 'seller_id'],
  ['wechatpay-main', 'private_key'],
  ['wechatpay-main', 'api_v3_key'],
  ['wechatpay-main', 'mchid'],
  ['stripe-main', 'secret_key'],
  ['stripe-main', 'webhook_secrets'],
];

describe('row 1: a channel does not start', () => {
  test.each(Object.keys(CREDENTIALS))(
    '%s starts with what the tests below spoil, so that they show something',
    async (channel) => {
      expect(await refused(live(channel))).toEqual([]);
    },
  );

  test.each(PROTECTING)('%s with an empty, short or placeholder %s', async (channel, field) => {
    for (const secret of ['', ' ', 'changeme', 'x'.repeat(32), 'secret', 'your-key-here', 'short']) {
      const value = field === 'webhook_secrets' ? [secret] : secret;
      const faults = await refused(live(channel, { [field]: value }));
      expect(faults.map(({ path }) => path).join(' '), secret).toContain(`channels.${channel}.credentials.${field}`);
      if (secret.length > 8) expect(JSON.stringify(faults)).not.toContain(secret);
    }
    const faults = await refused(live(channel, { [field]: field === 'webhook_secrets' ? [] : null }));
    expect(faults.length).toBeGreaterThan(0);
  });

  test('when the environment variable that should hold its secret is empty or not set', async () => {
    const edits = live('stripe-main', { webhook_secrets: ['$' + '{STRIPE_WEBHOOK_SECRET}'] });
    for (const env of [{}, { STRIPE_WEBHOOK_SECRET: '' }, { STRIPE_WEBHOOK_SECRET: 'whsec_' }]) {
      const faults = await refused(edits, env);
      expect(faults.map(({ path }) => path)).toEqual(['channels.stripe-main.credentials.webhook_secrets[0]']);
    }
  });
});

describe('row 1: a merchant does not load', () => {
  const MERCHANT: readonly [string, RegExp, string][] = [
    ['secret_keys', /secret_keys: \[.*\]/, 'secret_keys: [""]'],
    ['secret_keys', /secret_keys: \[.*\]/, 'secret_keys: []'],
    ['secret_keys', /secret_keys: \[.*\]/, 'secret_keys: ["short"]'],
    ['secret_keys', /secret_keys: \[.*\]/, 'secret_keys: ["sha256:"]'],
    ['secret', /secret: "\$\{DEMO_W.*"/, 'secret: ""'],
    ['secret', /secret: "\$\{DEMO_W.*"/, 'secret: "whsec_"'],
    ['secret', /secret: "\$\{DEMO_W.*"/, 'secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"'],
    ['key', / key: "\$\{DEMO_E.*"/, ' key: ""'],
    ['key', / key: "\$\{DEMO_E.*"/, ' key: "changeme"'],
  ];

  test.each(MERCHANT)('with %s as %s -> %s', async (field, found, instead) => {
    const faults = await refused({
      editMerchants: (yaml) => {
        expect(yaml).toMatch(found);
        return yaml.replace(found, instead);
      },
    });
    expect(faults[0]?.path).toContain(field);
  });
});

describe('row 10: no switch skips verification', () => {
  test.each(['verify: false', 'skip_verify: true', 'verify_signature: false', 'insecure: true', 'debug: true'])(
    '"%s" is a fault, of a channel and of the whole file',
    async (line) => {
      const inChannel = (yaml: string) => yaml.replace('    mode: sandbox', `    ${line}\n    mode: sandbox`);
      const atTop = (yaml: string) => `${yaml}\n${line}\n`;
      for (const editConfig of [inChannel, atTop]) {
        const faults = await refused({ editConfig });
        expect(faults.map(({ path }) => path).join(' ')).toContain(line.split(':')[0]);
      }
    },
  );
});

test('row 18: in production neither demo secrets nor simulators are taken', async () => {
  const faults = await refused({}, { NODE_ENV: 'production', PUBLIC_URL: 'https://pay.example' });
  const paths = faults.map(({ path }) => path);
  for (const channel of [
    'alipay-main',
    'alipay-backup',
    'wechatpay-main',
    'stripe-main',
    'paypal-main',
    'epay-upstream',
    'usdt-main',
  ]) {
    expect(paths).toContain(`channels.${channel}.mode`);
  }
  for (const secret of ['secret_keys[0]', 'webhook.secret', 'epay.key']) {
    expect(paths).toContain(`merchants.m_demo.${secret}`);
  }
  expect(JSON.stringify(faults)).not.toMatch(/sk_sandbox_demo|whsec_c3|sandbox-epay-key/);
});
