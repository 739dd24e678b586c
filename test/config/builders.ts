import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Provider } from '../../src/channel/index.ts';
import { type ConfigFault, type LoadOptions, loadConfig } from '../../src/config/index.ts';

export const SHIPPED = {
  gateway: readFileSync(new URL('../../config/gateway.yaml', import.meta.url), 'utf8'),
  merchants: readFileSync(new URL('../../config/merchants.yaml', import.meta.url), 'utf8'),
};

/** Every field of `api.md` on a line of its own. */
export const GATEWAY = `version: 1
routing:
  weights: { success: 60, fee: 25, latency: 10, settlement: 5 }
  exploration: 2%
  failover:
    max_attempts: 3
    budget: 8s
channels:
  pay-main:
    provider: fake
    mode: live
    enabled: true
    weight: 100
    methods: [alipay]
    currencies: [CNY]
    scenes: [redirect, qr]
    fee:
      rate: 0.6%
      fixed: 0
      min: 1
      max: 500
    limits:
      min: 1
      max: 5000000
      daily: 100000000
      per_minute: 60
    settlement_delay: 1d
    timeouts:
      create: 3s
      query: 2s
      refund: 5s
    breaker:
      failure_rate: 50%
      min_requests: 10
      window: 10s
      open_for: 15s
    queries_per_second: 12.5
    credentials:
      app: app-1
      secret: dont-look-at-me-4711
  pay-backup:
    provider: fake
    mode: sandbox
    methods: [card]
    currencies: [USD, JPY]
    fee: { rate: 2.9% }
policies:
  late_success: accept
  surplus: refund
  amount_mismatch: hold
queries:
  paid_known_within: 90s
webhooks:
  timeout: 10s
  max_age: 3d
  allow_private_addresses: false
  concurrency: 4
  pause_after: 12h
evidence:
  retention: 400d
alerts:
  success_rate_below: 95%
  min_volume: 20
  callback_delay_p95_above: 90s
  webhook_oldest_above: 5m
  balance_below:
    pay-main: 100000
`;

export const MERCHANTS = `merchants:
  m_shop:
    name: A shop
    secret_keys:
      - key-of-the-first-shop
    webhook:
      url: https://shop.example/events
      secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==
    epay:
      pid: 2000
      key: 0123456789abcdef0123456789ABCDEF
      sign: [sha256]
      public_key: null
      refunds: false
      notify_hosts: [shop.example]
    channels: [pay-main]
    limits:
      max_amount: 90000
      per_minute: 600
  m_other:
    name: Another shop
    secret_keys: [key-of-the-other-shop]
    webhook: { secret: whsec_ZmVkY2JhOTg3NjU0MzIxMA== }
`;

const credentialsSchema = z.strictObject({
  app: z.string().min(3),
  secret: z.string().min(10, 'must have at least 10 characters'),
});

/** A provider with nothing but a configuration: loading must not open anything. */
export function aProvider(id = 'fake'): Provider {
  const untouched = () => {
    throw new Error('loading a configuration opens no channel');
  };
  return {
    id,
    capabilities: [],
    callbackUrl: 'per_request',
    configSchema: credentialsSchema,
    openAdapter: untouched,
    openSandbox: untouched,
  };
}

export interface Files {
  readonly gateway?: string;
  readonly merchants?: string;
  readonly others?: Readonly<Record<string, string>>;
}

/** Loads texts as if they lay in `/etc/pay`. */
export function load(
  { gateway = GATEWAY, merchants = MERCHANTS, others = {} }: Files = {},
  options: Partial<LoadOptions> = {},
) {
  const files: Readonly<Record<string, string>> = {
    '/etc/pay/gateway.yaml': gateway,
    '/etc/pay/merchants.yaml': merchants,
    ...others,
  };
  return loadConfig({
    path: '/etc/pay/gateway.yaml',
    env: {},
    providers: [aProvider()],
    production: false,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
      return text;
    },
    ...options,
  });
}

export function loaded(files: Files = {}, options: Partial<LoadOptions> = {}) {
  const result = load(files, options);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error, null, 1)}`);
  return result.value;
}

/** The faults of a configuration that must be refused. */
export function faultsOf(files: Files, options: Partial<LoadOptions> = {}): readonly ConfigFault[] {
  const result = load(files, options);
  if (result.ok) throw new Error('accepted, though it should be refused');
  return result.error;
}

/** `text` with one place of it replaced; throws when that place is not there exactly once. */
export function replaced(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`not there exactly once: ${from}`);
  return text.replace(from, () => to);
}

/** The number of the line on which `part` begins. */
export function lineOfPart(text: string, part: string): number {
  const at = text.indexOf(part);
  if (at < 0) throw new Error(`not there: ${part}`);
  return text.slice(0, at).split('\n').length;
}
