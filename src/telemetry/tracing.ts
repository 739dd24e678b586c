import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { Noted, Span, SpanFields, SpanName, Traced, Tracing } from '../gateway/index.ts';
import { formatTraceparent, parseTraceparent, type TracePlace } from './traceparent.ts';

/** A span that has ended and is to be collected. Times are milliseconds since 1970, with fractions. */
export interface EndedSpan {
  readonly name: SpanName;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly fields: SpanFields;
  readonly failed: boolean;
}

export interface TracingOptions {
  readonly randomBytes: (size: number) => Uint8Array;
  readonly now: () => number;
  /** Share of new traces whose spans are collected, 0 to 1; a caller's trace is collected if the caller collects it. */
  readonly sampleRatio: number;
  /** Takes the spans that are collected; null: none are, and nothing is timed. */
  readonly record: ((span: EndedSpan) => void) | null;
}

/** The trace of a request or of one piece of background work. Its parts share it, so that all of them can change over at once. */
interface Trace {
  readonly requestId: string | null;
  traceId: string;
  sampled: boolean;
  /** The span that the first of this trace's spans belongs under; it ran elsewhere or earlier. */
  parentSpanId: string | null;
  joins: boolean;
  noted: Noted;
}

interface Scope {
  readonly trace: Trace;
  readonly spanId: string;
}

/** Fields for every log line of the work of this moment. */
export interface TraceLogFields {
  readonly requestId?: string;
  readonly traceId?: string;
  readonly paymentId?: string;
}

export interface OpenTracing extends Tracing {
  logFields(): TraceLogFields;
}

const SILENT: Span = { set: () => {}, fail: () => {} };

/** Keeps to which trace the work of this moment belongs; ids are drawn whether spans are collected or not. */
export function createTracing({ randomBytes, now, sampleRatio, record }: TracingOptions): OpenTracing {
  const current = new AsyncLocalStorage<Scope>();
  const hex = (size: number): string => Buffer.from(randomBytes(size)).toString('hex');

  const placeOf = ({ trace: { traceId, sampled }, spanId }: Scope): TracePlace => ({ traceId, spanId, sampled });

  function isSampled(traceId: string): boolean {
    return record !== null && Number.parseInt(traceId.slice(0, 13), 16) / 2 ** 52 < sampleRatio;
  }

  /** The trace that a payment was created in; one from before this was kept gets the same one every time. */
  function traceOf(payment: Traced): { traceId: string; parentSpanId: string | null; sampled: boolean } {
    const kept = payment.traceparent === undefined ? null : parseTraceparent(payment.traceparent);
    if (kept) return { traceId: kept.traceId, parentSpanId: kept.spanId, sampled: kept.sampled };
    const traceId = derivedTraceId(payment.id);
    return { traceId, parentSpanId: null, sampled: isSampled(traceId) };
  }

  /** Runs a span; `first` has its parent in the trace, which may change until the span ends. */
  async function timed<T>(
    scope: Scope,
    parentSpanId: string | 'first',
    name: SpanName,
    fields: SpanFields,
    run: (span: Span) => Promise<T>,
  ): Promise<T> {
    const { trace, spanId } = scope;
    if (record === null) return current.run(scope, run, SILENT);
    const startedAt = now();
    const begun = performance.now();
    let known = fields;
    let failed = false;
    const span: Span = {
      set: (more) => {
        known = { ...known, ...more };
      },
      fail: () => {
        failed = true;
      },
    };
    try {
      return await current.run(scope, run, span);
    } catch (thrown) {
      failed = true;
      throw thrown;
    } finally {
      const { traceId, sampled } = trace;
      const parent = parentSpanId === 'first' ? trace.parentSpanId : parentSpanId;
      const endedAt = startedAt + performance.now() - begun;
      if (sampled) record({ name, traceId, spanId, parentSpanId: parent, startedAt, endedAt, fields: known, failed });
    }
  }

  return {
    request: ({ requestId, traceparent, joins }, run) => {
      const given = traceparent === null ? null : parseTraceparent(traceparent);
      const traceId = given?.traceId ?? hex(16);
      const trace: Trace = {
        ...{ requestId, traceId, joins: joins && given === null, noted: {} },
        sampled: given?.sampled ?? isSampled(traceId),
        parentSpanId: given?.spanId ?? null,
      };
      const scope = { trace, spanId: hex(8) };
      return timed(scope, 'first', 'request', {}, (span) =>
        run({ ...span, noted: () => trace.noted, traceparent: () => formatTraceparent(placeOf(scope)) }),
      );
    },
    concerns: (payment) => {
      const trace = current.getStore()?.trace;
      if (!trace || trace.requestId === null) return;
      trace.noted = { ...trace.noted, paymentId: payment.id };
      const own = trace.joins ? traceOf(payment) : null;
      trace.joins = false;
      // The request that creates a payment is where its trace begins, not a part of itself.
      if (own && own.traceId !== trace.traceId) Object.assign(trace, own);
    },
    note: (noted) => {
      const trace = current.getStore()?.trace;
      if (trace) trace.noted = { ...trace.noted, ...noted };
    },
    forPayment: (payment, name, fields, run) => {
      const outer = current.getStore();
      const about = { paymentId: payment.id, ...fields };
      if (outer?.trace.noted.paymentId === payment.id) {
        return timed({ trace: outer.trace, spanId: hex(8) }, outer.spanId, name, about, run);
      }
      const noted = { paymentId: payment.id };
      const trace: Trace = { requestId: null, joins: false, noted, ...traceOf(payment) };
      return timed({ trace, spanId: hex(8) }, 'first', name, about, run);
    },
    within: (name, fields, run) => {
      const outer = current.getStore();
      if (outer === undefined || record === null) return run(SILENT);
      return timed({ trace: outer.trace, spanId: hex(8) }, outer.spanId, name, fields, run);
    },
    traceparent: () => {
      const scope = current.getStore();
      return scope ? formatTraceparent(placeOf(scope)) : null;
    },
    traceId: () => current.getStore()?.trace.traceId ?? null,
    logFields: () => {
      const trace = current.getStore()?.trace;
      if (!trace) return {};
      const { requestId, traceId, noted } = trace;
      return {
        ...(requestId === null ? {} : { requestId }),
        traceId,
        ...(noted.paymentId === undefined ? {} : { paymentId: noted.paymentId }),
      };
    },
  };
}

/** A digest, since whoever knows a payment's id may open its cashier page, and trace ids are shown to others. */
function derivedTraceId(paymentId: string): string {
  return createHash('sha256').update(`trace of ${paymentId}`).digest('hex').slice(0, 32);
}
