import { type Telemetry, untraced } from '../../src/gateway/index.ts';
import type { Life } from './life.ts';
import { describe, MadeUpFault, type World } from './world.ts';

/** What a gateway reports: its numbers are counted, and an error that no made-up fault explains is a bug. */
export function reportTo(world: World, life: Life): Telemetry {
  const { record } = world;
  const nothing = (): void => {};
  const count = (kind: string): void => {
    if (!life.isOver()) record.count(kind);
  };
  return {
    paymentOutcome: (_method, outcome) => count(`payment: ${outcome}`),
    channelRequest: nothing,
    routingExclusion: () => {},
    routingDecision: (_channelId, position) => count(`decision: ${position}`),
    ruleFailed: () => {},
    drainedChannelPayment: () => {},
    callback: (_channelId, outcome) => count(`callback: ${outcome}`),
    callbackDelay: nothing,
    paymentKnown: (_channelId, by) => count(`known by ${by}`),
    queryPostponed: () => count('query postponed'),
    captured: nothing,
    returned: nothing,
    merchantPayment: nothing,
    refund: (_channelId, cause, outcome) => count(`refund ${cause}: ${outcome}`),
    webhookDelivery: (outcome) => count(`webhook: ${outcome}`),
    epayRequest: nothing,
    surplusPayment: nothing,
    anomaly: (kind) => count(`anomaly: ${kind}`),
    paymentChanged: nothing,
    trace: untraced,
    info: nothing,
    warn: nothing,
    error: (fields, message) => {
      if (life.isOver() || EXPECTED.has(message) || isMadeUp(fields.err)) return;
      const about = typeof fields.paymentId === 'string' ? fields.paymentId : 'gateway';
      record.violated(about, `reported "${message}": ${describe(fields.err ?? JSON.stringify(fields))}`);
    },
  };
}

/** Errors for an operator's eye that follow from what the world does. */
const EXPECTED: ReadonlySet<string> = new Set(['webhook endpoint paused']);

function isMadeUp(thrown: unknown): boolean {
  return thrown instanceof MadeUpFault;
}
