import { gatewayError } from '../../src/gateway/index.ts';
import type { AdminAppParts } from '../../src/http/index.ts';
import { err } from '../../src/payment/index.ts';
import { aStatus } from './admin-status.ts';
import { createStubAlerts } from './stub-alerts.ts';
import { createStubGateway, stubConfig, stubEpayDoctor } from './stub-gateway.ts';

/** The parts of an admin listener that is well and asks for no token; a test names what it is about. */
export function adminParts(set: Partial<AdminAppParts> = {}): AdminAppParts {
  return {
    guard: { token: null, host: '127.0.0.1', now: () => 0, onRefused: () => {} },
    status: async () => aStatus(),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
    ready: async () => ({ ok: true, checks: { store: 'ok' } }),
    disposeMoney: async () => err(gatewayError('not_found', 'No such payment.')),
    recordReturn: async () => err(gatewayError('not_found', 'No such payment.')),
    webhooks: createStubGateway().webhooks,
    dryRun: async () => ({ outcome: 'busy' }),
    alerts: createStubAlerts(),
    epayDoctor: stubEpayDoctor,
    config: stubConfig,
    onError: (thrown) => {
      throw thrown;
    },
    ...set,
  };
}
