import { type HrTime, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { SpanFields } from '../gateway/index.ts';
import type { CollectorOptions, SpanCollector } from './collector-port.ts';
import type { EndedSpan } from './tracing.ts';

/** Spans that wait for the collector; what comes when so many wait is dropped. */
const WAITING_MAX = 2_048;
const BATCH_MAX = 512;
const EVERY_MS = 2_000;
const EXPORT_TIMEOUT_MS = 5_000;
/** A collector that is not there may hold up our own end by so much. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * Sends ended spans to a collector, as OTLP/HTTP in JSON. Nothing waits for it: a collector that is away or slow costs the spans
 * that do not fit its queue.
 */
export function openSpanCollector(options: CollectorOptions): SpanCollector {
  const exporter = new OTLPTraceExporter({ url: options.url, timeoutMillis: EXPORT_TIMEOUT_MS, concurrencyLimit: 8 });
  const processor = new BatchSpanProcessor({
    exporter: watched(exporter, options),
    ...{ maxQueueSize: WAITING_MAX, maxExportBatchSize: BATCH_MAX },
    ...{ scheduledDelayMillis: EVERY_MS, exportTimeoutMillis: EXPORT_TIMEOUT_MS + 1_000 },
  });
  const about = {
    resource: resourceOf(options),
    instrumentationScope: { name: 'switchyard', version: options.version },
  };
  return {
    record: (span) => processor.onEnd(readable(span, about)),
    close: async () => {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, CLOSE_WITHIN_MS);
      // Whatever could not be sent has been reported by its export already.
      await Promise.race([processor.shutdown().catch(() => {}), late.promise]);
      clearTimeout(timer);
    },
  };
}

/** The same exporter, whose results are told. */
function watched(exporter: SpanExporter, { onExported, onTrouble }: CollectorOptions): SpanExporter {
  let inTrouble = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const isSent = result.code === 0;
        onExported(isSent ? 'sent' : 'failed', spans.length);
        if (!isSent && !inTrouble) onTrouble();
        inTrouble = !isSent;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

type About = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

function resourceOf({ serviceName, version }: CollectorOptions): ReadableSpan['resource'] {
  const attributes = { 'service.name': serviceName, 'service.version': version };
  const resource: ReadableSpan['resource'] = {
    attributes,
    merge: () => resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

/** What a span is to the one who is called, or calls. */
const KIND_BY_NAME: Readonly<Record<EndedSpan['name'], SpanKind>> = {
  request: SpanKind.SERVER,
  callback: SpanKind.INTERNAL,
  'routing decision': SpanKind.INTERNAL,
  'channel call': SpanKind.CLIENT,
  'store write': SpanKind.CLIENT,
  'webhook delivery': SpanKind.CLIENT,
  'agenda work': SpanKind.INTERNAL,
};

/** The names of OpenTelemetry where it has one, ours otherwise. */
const ATTRIBUTE_BY_FIELD: Readonly<Record<keyof SpanFields, string>> = {
  paymentId: 'switchyard.payment_id',
  merchantId: 'switchyard.merchant_id',
  channelId: 'switchyard.channel',
  operation: 'switchyard.operation',
  outcome: 'switchyard.outcome',
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
};

function readable(span: EndedSpan, about: About): ReadableSpan {
  const { name, traceId, parentSpanId, startedAt, endedAt, fields, failed } = span;
  const place = (spanId: string): SpanContext => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    ...about,
    name,
    kind: KIND_BY_NAME[name],
    spanContext: () => place(span.spanId),
    ...(parentSpanId === null ? {} : { parentSpanContext: place(parentSpanId) }),
    startTime: hrTime(startedAt),
    endTime: hrTime(endedAt),
    duration: hrTime(endedAt - startedAt),
    status: { code: failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: attributesOf(fields),
    ended: true,
    ...{ links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}

function attributesOf(fields: SpanFields): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  for (const [field, attribute] of Object.entries(ATTRIBUTE_BY_FIELD)) {
    const value = fields[field as keyof SpanFields];
    if (value !== undefined) attributes[attribute] = value;
  }
  return attributes;
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}
