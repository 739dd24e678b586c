import { createHash } from 'node:crypto';
import { type ConfigFault, environmentFault, type Path } from './faults.ts';
import type { GatewayReading } from './gateway-file.ts';
import { type FaultSink, faultAt } from './parse.ts';
import { rawAt, rawEntries } from './raw.ts';
import type { Env } from './references.ts';

/** The secrets of the shipped demo merchant. They are printed in the documentation, so they protect nothing. */
const DEMO_KEY = 'sk_sandbox_demo';
const DEMO_KEY_HASH = `sha256:${createHash('sha256').update(DEMO_KEY).digest('hex')}`;
const DEMO_WEBHOOK_SECRET = 'whsec_c3dpdGNoeWFyZC1zYW5kYm94LWRlbW8=';
const DEMO_EPAY_KEY = 'sandbox-epay-key';
/** Anybody who sees a signed MD5 request can try keys offline, so a real key is long. */
const EPAY_KEY_CHARS_MIN = 32;

/**
 * Sandbox channels and demo secrets are for trying out; with NODE_ENV=production they are faults. Looks at the unchecked
 * values, so that another fault of the same channel or merchant does not hide these.
 */
export function refuseSandbox(
  sinks: { readonly gateway: FaultSink; readonly merchants: FaultSink },
  sandboxIds: GatewayReading['sandboxIds'],
): void {
  for (const id of sandboxIds) {
    faultAt(sinks.gateway, ['channels', id, 'mode'], 'must be live in production: a sandbox takes no real money');
  }
  for (const path of demoSecrets(sinks.merchants)) {
    faultAt(sinks.merchants, path, 'is the public secret of the demo merchant; production needs one of your own');
  }
  for (const [id, merchant] of rawMerchants(sinks.merchants)) {
    const given = rawAt(merchant, 'epay', 'key');
    for (const [at, key] of Array.isArray(given) ? given.entries() : [[null, given] as const]) {
      if (typeof key !== 'string' || key === DEMO_EPAY_KEY || key.length >= EPAY_KEY_CHARS_MIN) continue;
      const message = `must have at least ${EPAY_KEY_CHARS_MIN} characters in production`;
      faultAt(sinks.merchants, ['merchants', id, 'epay', 'key', ...(at === null ? [] : [at])], message);
    }
  }
}

/** Demo secrets beside a live channel, outside production: anybody could order and refund through that channel. */
export function demoSecretWarnings(merchants: FaultSink, allSandbox: boolean): readonly ConfigFault[] {
  if (allSandbox) return [];
  const notes: FaultSink = { source: merchants.source, faults: [] };
  for (const path of demoSecrets(merchants)) {
    faultAt(notes, path, 'is the public secret of the demo merchant, and a channel is live: anybody can use it');
  }
  return notes.faults;
}

/** PUBLIC_URL is where providers send callbacks: in production it has to be set, and encrypted unless that is allowed. */
export function publicUrlFaults(env: Env, allowHttp: boolean): readonly ConfigFault[] {
  const text = env.PUBLIC_URL ?? '';
  if (text === '') {
    return [environmentFault('PUBLIC_URL', 'is required in production: providers send their callbacks there')];
  }
  if (allowHttp || /^https:/i.test(text)) return [];
  return [environmentFault('PUBLIC_URL', 'must be https in production (or set allow_http in gateway.yaml)')];
}

function demoSecrets(merchants: FaultSink): readonly Path[] {
  return rawMerchants(merchants).flatMap(([id, merchant]) => {
    const found = (key: (string | number)[], values: readonly string[]): readonly Path[] =>
      values.some((value) => rawAt(merchant, ...key) === value) ? [['merchants', id, ...key]] : [];
    const keys = rawAt(merchant, 'secret_keys');
    const secrets = rawAt(merchant, 'webhook', 'secret');
    return [
      ...indexes(keys).flatMap((index) => found(['secret_keys', index], [DEMO_KEY, DEMO_KEY_HASH])),
      ...found(['webhook', 'secret'], [DEMO_WEBHOOK_SECRET]),
      ...indexes(secrets).flatMap((index) => found(['webhook', 'secret', index], [DEMO_WEBHOOK_SECRET])),
      ...found(['epay', 'key'], [DEMO_EPAY_KEY]),
      ...indexes(rawAt(merchant, 'epay', 'key')).flatMap((index) => found(['epay', 'key', index], [DEMO_EPAY_KEY])),
    ];
  });
}

function indexes(value: unknown): readonly number[] {
  return Array.isArray(value) ? [...value.keys()] : [];
}

function rawMerchants({ source }: FaultSink): readonly (readonly [string, unknown])[] {
  return rawEntries(rawAt(source.value, 'merchants'));
}
