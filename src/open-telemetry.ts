import type { Environment } from './config/index.ts';
import type { Telemetry } from './gateway/index.ts';
import { connectCollector, createLogger, createTelemetry, createTracing, type Metrics } from './telemetry/index.ts';

/** Opens what the use cases report to: log, metrics, and the way to a collector of spans where one is configured. */
export async function openTelemetry(
  { logLevel, traces }: Pick<Environment, 'logLevel' | 'traces'>,
  parts: {
    readonly metrics: Metrics;
    readonly version: string;
    readonly now: () => number;
    readonly randomBytes: (size: number) => Uint8Array;
  },
): Promise<{ readonly telemetry: Telemetry; close(): Promise<void> }> {
  const { metrics, version, now, randomBytes } = parts;
  const collector =
    traces === null
      ? null
      : await connectCollector({
          ...{ url: traces.url, serviceName: traces.serviceName, version },
          onExported: (outcome, spans) => metrics.traceSpans.inc({ outcome }, spans),
          onTrouble: () => telemetry.warn({}, 'the trace collector takes no spans; payments go on without them'),
        });
  const sampleRatio = traces?.sampleRatio ?? 0;
  const trace = createTracing({ randomBytes, now, sampleRatio, record: collector?.record ?? null });
  const telemetry = createTelemetry(metrics, createLogger(logLevel, trace.logFields), trace);
  return { telemetry, close: async () => collector?.close() };
}
