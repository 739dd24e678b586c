import type { CollectorOptions, SpanCollector } from './collector-port.ts';

/** Loads the libraries of OpenTelemetry, which a gateway without a collector never does, and opens the way to the collector. */
export async function connectCollector(options: CollectorOptions): Promise<SpanCollector> {
  const { openSpanCollector } = await import('./otlp.ts');
  return openSpanCollector(options);
}
