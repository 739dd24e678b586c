import type { Payment } from '../payment/index.ts';

/** What is timed; each becomes a span of OpenTelemetry when traces are collected. */
export type SpanName =
  | 'request'
  | 'routing decision'
  | 'channel call'
  | 'store write'
  | 'callback'
  | 'webhook delivery'
  | 'agenda work';

/** What a span may say: words of closed sets and a payment's id, never what a caller has sent. */
export interface SpanFields {
  readonly paymentId?: string;
  readonly merchantId?: string;
  readonly channelId?: string;
  readonly operation?: string;
  readonly outcome?: string;
  readonly method?: string;
  /** The route's pattern. */
  readonly route?: string;
  readonly status?: number;
}

export interface Span {
  set(fields: SpanFields): void;
  /** It did not come to the end that it was for. */
  fail(): void;
}

/** What became known of a request while it was served. */
export interface Noted {
  readonly paymentId?: string;
  readonly channelId?: string;
  readonly outcome?: string;
}

export interface RequestSpan extends Span {
  readonly noted: () => Noted;
  /** The request's place in its trace as it is now, in the form of `traceparent`. */
  readonly traceparent: () => string;
}

/** The part of a payment that leads to its trace. */
export type Traced = Pick<Payment, 'id' | 'traceparent'>;

/**
 * Which trace the work of this moment belongs to: every log line and every event of a payment carries it, whether spans are
 * collected or not (decision 011). Follows the work through promises by itself.
 */
export interface Tracing {
  /**
   * Serves a request in the trace of its caller, or in a new one. `joins`: without a trace of the caller's it goes over to the
   * trace of the payment that it turns out to be about.
   */
  request<T>(
    request: { readonly requestId: string; readonly traceparent: string | null; readonly joins: boolean },
    run: (span: RequestSpan) => Promise<T>,
  ): Promise<T>;
  /** The request of this moment is about this payment; outside of any request nothing happens. */
  concerns(payment: Traced): void;
  note(noted: Noted): void;
  /** Work that is done for a payment, whoever set it going: it goes on in the payment's trace. */
  forPayment<T>(payment: Traced, name: SpanName, fields: SpanFields, run: (span: Span) => Promise<T>): Promise<T>;
  /** A part of what runs now; outside of any trace it is just run. */
  within<T>(name: SpanName, fields: SpanFields, run: (span: Span) => Promise<T>): Promise<T>;
  /** The `traceparent` for whoever is told of the work of this moment; null outside of any trace. */
  traceparent(): string | null;
  /** Its 32 hex digits alone. */
  traceId(): string | null;
}

const SILENT: RequestSpan = { set: () => {}, fail: () => {}, noted: () => ({}), traceparent: () => NOWHERE };
/** All zeros: by the recommendation a place that is none. */
const NOWHERE = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`;

/** Follows nothing. */
export const untraced: Tracing = {
  request: (_request, run) => run(SILENT),
  concerns: () => {},
  note: () => {},
  forPayment: (_payment, _name, _fields, run) => run(SILENT),
  within: (_name, _fields, run) => run(SILENT),
  traceparent: () => null,
  traceId: () => null,
};
