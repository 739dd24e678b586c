export { createLogger } from './logger.ts';
export { addGauges, createMetrics, type Metrics, type Observed } from './metrics.ts';
export { createTelemetry } from './telemetry.ts';
