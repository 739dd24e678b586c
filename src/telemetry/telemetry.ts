import type { Logger } from 'pino';
import type { Telemetry } from '../gateway/index.ts';
import type { Metrics } from './metrics.ts';

/** The use cases' reports, on prom-client and pino. */
export function createTelemetry(metrics: Metrics, log: Logger): Telemetry {
  return {
    paymentOutcome: (method, outcome) => metrics.payments.inc({ method, outcome }),
    channelRequest: (channel, operation, outcome, durationMs) => {
      metrics.channelRequests.inc({ channel, operation, outcome });
      metrics.channelRequestSeconds.observe({ channel, operation }, durationMs / 1000);
    },
    routingDecision: (channel, position, reason, durationMs) => {
      metrics.decisions.inc({ channel, position, reason });
      metrics.decisionSeconds.observe(durationMs / 1000);
    },
    ruleFailed: (rule) => metrics.ruleErrors.inc({ rule }),
    drainedChannelPayment: (channel) => metrics.drainedPayments.inc({ channel }),
    callback: (channel, outcome) => metrics.callbacks.inc({ channel, outcome }),
    callbackDelay: (channel, delayMs) => metrics.callbackDelaySeconds.observe({ channel }, delayMs / 1000),
    paymentKnown: (channel, by, delayMs) => metrics.paymentKnownSeconds.observe({ channel, by }, delayMs / 1000),
    queryPostponed: (channel) => metrics.queriesPostponed.inc({ channel }),
    captured: (channel, { minor, currency }) => metrics.capturedMinor.inc({ channel, currency }, minor),
    returned: (channel, cause, { minor, currency }) => metrics.returnedMinor.inc({ channel, currency, cause }, minor),
    merchantPayment: (merchant, outcome) => metrics.merchantPayments.inc({ merchant, outcome }),
    refund: (channel, cause, outcome) => metrics.refunds.inc({ channel, cause, outcome }),
    webhookDelivery: (outcome) => metrics.webhookDeliveries.inc({ outcome }),
    surplusPayment: (channel) => metrics.surplus.inc({ channel }),
    anomaly: (kind) => metrics.anomalies.inc({ kind }),
    paymentChanged: (change) => log.info(change, 'payment changed'),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
