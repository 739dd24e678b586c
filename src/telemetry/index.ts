export { connectCollector } from './collector.ts';
export type { CollectorOptions } from './collector-port.ts';
export { type Exposition, expose } from './exposition.ts';
export {
  addClockGauge,
  addConfigVariantsGauge,
  addGauges,
  addMongoGauges,
  addReplicasGauge,
  addSharedGauge,
  type Observed,
} from './gauges.ts';
export { createLogger } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { createTelemetry } from './telemetry.ts';
export { createTracing, type EndedSpan, type OpenTracing, type TracingOptions } from './tracing.ts';
