import type { Logger } from 'pino';
import { type Telemetry, type Tracing, untraced } from '../gateway/index.ts';
import type { Metrics } from './metrics.ts';

/** The use cases' reports, on prom-client and pino. */
export function createTelemetry(metrics: Metrics, log: Logger, trace: Tracing = untraced): Telemetry {
  /** Leads from a number in a dashboard to the trace behind it: one per series or bucket, the last one. */
  const exemplar = () => {
    const traceId = trace.traceId();
    return traceId === null ? {} : { exemplarLabels: { trace_id: traceId } };
  };
  return {
    paymentOutcome: (method, outcome) => metrics.payments.inc({ labels: { method, outcome }, ...exemplar() }),
    channelRequest: (channel, operation, outcome, durationMs) => {
      metrics.channelRequests.inc({ channel, operation, outcome });
      metrics.channelRequestSeconds.observe({
        labels: { channel, operation },
        value: durationMs / 1000,
        ...exemplar(),
      });
    },
    routingDecision: (channel, position, reason, durationMs) => {
      metrics.decisions.inc({ channel, position, reason });
      metrics.decisionSeconds.observe(durationMs / 1000);
    },
    routingExclusion: (channel, reason) => metrics.exclusions.inc({ channel, reason }),
    ruleFailed: (rule) => metrics.ruleErrors.inc({ rule }),
    drainedChannelPayment: (channel) => metrics.drainedPayments.inc({ channel }),
    callback: (channel, outcome) => metrics.callbacks.inc({ channel, outcome }),
    callbackDelay: (channel, delayMs) =>
      metrics.callbackDelaySeconds.observe({ labels: { channel }, value: delayMs / 1000, ...exemplar() }),
    paymentKnown: (channel, by, delayMs) =>
      metrics.paymentKnownSeconds.observe({ labels: { channel, by }, value: delayMs / 1000, ...exemplar() }),
    queryPostponed: (channel) => metrics.queriesPostponed.inc({ channel }),
    captured: (channel, { minor, currency }) => metrics.capturedMinor.inc({ channel, currency }, minor),
    returned: (channel, cause, { minor, currency }) => metrics.returnedMinor.inc({ channel, currency, cause }, minor),
    merchantPayment: (merchant, outcome) => metrics.merchantPayments.inc({ merchant, outcome }),
    refund: (channel, cause, outcome) => metrics.refunds.inc({ channel, cause, outcome }),
    webhookDelivery: (outcome) => metrics.webhookDeliveries.inc({ outcome }),
    epayRequest: (endpoint, outcome) => metrics.epayRequests.inc({ endpoint, outcome }),
    surplusPayment: (channel) => metrics.surplus.inc({ channel }),
    anomaly: (kind) => metrics.anomalies.inc({ kind }),
    trace,
    paymentChanged: (change) => log.info(change, 'payment changed'),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
