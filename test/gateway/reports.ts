import { type Telemetry, untraced } from '../../src/gateway/index.ts';

/** Telemetry that keeps every report: its name and arguments. */
export function recordingTelemetry(): { reports: [string, ...unknown[]][]; telemetry: Telemetry } {
  const reports: [string, ...unknown[]][] = [];
  const record =
    (name: Exclude<keyof Telemetry, 'trace'>) =>
    (...given: unknown[]): void =>
      void reports.push([name, ...given]);
  const telemetry: Telemetry = {
    paymentOutcome: record('paymentOutcome'),
    channelRequest: record('channelRequest'),
    routingDecision: record('routingDecision'),
    routingExclusion: record('routingExclusion'),
    ruleFailed: record('ruleFailed'),
    drainedChannelPayment: record('drainedChannelPayment'),
    callback: record('callback'),
    callbackDelay: record('callbackDelay'),
    paymentKnown: record('paymentKnown'),
    queryPostponed: record('queryPostponed'),
    captured: record('captured'),
    returned: record('returned'),
    merchantPayment: record('merchantPayment'),
    refund: record('refund'),
    webhookDelivery: record('webhookDelivery'),
    epayRequest: record('epayRequest'),
    surplusPayment: record('surplusPayment'),
    anomaly: record('anomaly'),
    paymentChanged: record('paymentChanged'),
    trace: untraced,
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  };
  return { reports, telemetry };
}
