import type { EndedSpan } from './tracing.ts';

export interface SpanCollector {
  record(span: EndedSpan): void;
  /** Sends what waits, or gives it up in time. */
  close(): Promise<void>;
}

export interface CollectorOptions {
  /** Of the collector's OTLP over HTTP, with its path. */
  readonly url: string;
  readonly serviceName: string;
  readonly version: string;
  /** Told how many spans the collector has taken, or has not; those that found no room here are not counted. */
  readonly onExported: (outcome: 'sent' | 'failed', spans: number) => void;
  /** Told once when the collector stops taking spans, and again only after it has taken some. */
  readonly onTrouble: () => void;
}
