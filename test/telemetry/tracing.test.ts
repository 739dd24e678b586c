import { describe, expect, test } from 'vitest';
import type { SpanFields } from '../../src/gateway/index.ts';
import { createTracing, type EndedSpan } from '../../src/telemetry/index.ts';

const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const PARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;
const PAYMENT = { id: 'pay_01', traceparent: '00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01' };
const OLD_PAYMENT = { id: 'pay_02' };

function open(set: { sampleRatio?: number; off?: boolean } = {}) {
  const spans: EndedSpan[] = [];
  let drawn = 0;
  const tracing = createTracing({
    randomBytes: (size) => {
      drawn += 1;
      return new Uint8Array(size).fill(drawn);
    },
    now: () => 1_000,
    sampleRatio: set.sampleRatio ?? 1,
    record: set.off ? null : (span) => void spans.push(span),
  });
  return { tracing, spans, of: (name: string) => spans.find((span) => span.name === name) };
}

const aRequest = (set: { traceparent?: string; joins?: boolean } = {}) => ({
  requestId: 'req_1',
  traceparent: set.traceparent ?? null,
  joins: set.joins ?? true,
});

describe('a request', () => {
  test("goes on in its caller's trace, under its caller's span", async () => {
    const { tracing, of } = open();
    const line = await tracing.request(aRequest({ traceparent: PARENT }), async () => tracing.logFields());
    expect(line).toEqual({ requestId: 'req_1', traceId: CALLER.traceId });
    expect(of('request')).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId });
  });

  test.each([undefined, 'nonsense', `00-${'0'.repeat(32)}-${CALLER.spanId}-01`])(
    'with the traceparent %j begins a trace of its own, with drawn ids',
    async (traceparent) => {
      const { tracing, of } = open();
      await tracing.request(aRequest(traceparent === undefined ? {} : { traceparent }), async () => {});
      expect(of('request')).toMatchObject({ traceId: '01'.repeat(16), spanId: '02'.repeat(8), parentSpanId: null });
    },
  );

  test('hands on its trace and the span that runs at the moment', async () => {
    const { tracing } = open();
    const seen = await tracing.request(aRequest({ traceparent: PARENT }), async (span) => {
      const inside = await tracing.within('store write', {}, async () => tracing.traceparent());
      return { answered: span.traceparent(), inside };
    });
    expect(seen.answered).toBe(`00-${CALLER.traceId}-${'01'.repeat(8)}-01`);
    expect(seen.inside).toBe(`00-${CALLER.traceId}-${'02'.repeat(8)}-01`);
  });

  test('that turns out to be about a payment goes over to its trace, with all that is not ended', async () => {
    const { tracing, of } = open();
    const line = await tracing.request(aRequest(), (span) =>
      tracing.within('callback', {}, async () => {
        tracing.concerns(PAYMENT);
        expect(span.noted()).toEqual({ paymentId: 'pay_01' });
        return tracing.logFields();
      }),
    );
    expect(line).toEqual({ requestId: 'req_1', traceId: 'a'.repeat(32), paymentId: 'pay_01' });
    expect(of('request')).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) });
    expect(of('callback')).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: of('request')?.spanId });
  });

  test('stays where it is when its caller has a trace, or when it only looks', async () => {
    for (const request of [aRequest({ traceparent: PARENT }), aRequest({ joins: false })]) {
      const { tracing } = open();
      const [before, after] = await tracing.request(request, async () => {
        const first = tracing.traceId();
        tracing.concerns(PAYMENT);
        return [first, tracing.traceId()];
      });
      expect(after).toBe(before);
    }
  });

  test('that creates a payment is where its trace begins, and not its own parent', async () => {
    const { tracing, of } = open();
    await tracing.request(aRequest(), async () => {
      tracing.concerns({ id: 'pay_03', traceparent: tracing.traceparent() ?? '' });
    });
    expect(of('request')?.parentSpanId).toBeNull();
  });

  test('beside another keeps its lines apart from it', async () => {
    const { tracing } = open();
    const lines = await Promise.all(
      ['req_a', 'req_b', 'req_c'].map((requestId) =>
        tracing.request({ ...aRequest(), requestId }, async () => {
          for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          return tracing.logFields().requestId;
        }),
      ),
    );
    expect(lines).toEqual(['req_a', 'req_b', 'req_c']);
  });
});

describe('work for a payment', () => {
  test('goes on in the trace of the request that created it', async () => {
    const { tracing, of } = open();
    const line = await tracing.forPayment(PAYMENT, 'agenda work', { operation: 'query' }, async () =>
      tracing.logFields(),
    );
    expect(line).toEqual({ traceId: 'a'.repeat(32), paymentId: 'pay_01' });
    expect(of('agenda work')).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) });
    const fields: SpanFields = { paymentId: 'pay_01', operation: 'query' };
    expect(of('agenda work')?.fields).toEqual(fields);
  });

  test('that was set going by other work does not end up in the trace of that', async () => {
    const { tracing, of } = open();
    await tracing.forPayment(PAYMENT, 'agenda work', {}, () =>
      tracing.forPayment(OLD_PAYMENT, 'webhook delivery', {}, async () => {}),
    );
    expect(of('webhook delivery')?.traceId).not.toBe('a'.repeat(32));
    expect(of('webhook delivery')?.parentSpanId).toBeNull();
  });

  test('of the same payment is a part of it', async () => {
    const { tracing, of } = open();
    await tracing.forPayment(PAYMENT, 'agenda work', {}, () =>
      tracing.forPayment(PAYMENT, 'webhook delivery', {}, async () => {}),
    );
    expect(of('webhook delivery')?.parentSpanId).toBe(of('agenda work')?.spanId);
  });

  test('from before traces were kept has the same trace every time, and it does not tell the id of the payment', async () => {
    const ids = [open(), open()].map(({ tracing }) =>
      tracing.forPayment(OLD_PAYMENT, 'agenda work', {}, async () => tracing.traceId()),
    );
    const [first, second] = await Promise.all(ids);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
  });
});

describe('spans', () => {
  test('fail by a throw, which is passed on, and by being told so', async () => {
    const { tracing, spans } = open();
    const crash = tracing.request(aRequest(), () => Promise.reject(new Error('broken')));
    await expect(crash).rejects.toThrow('broken');
    await tracing.request(aRequest(), async (span) => span.fail());
    await tracing.request(aRequest(), async () => {});
    expect(spans.map(({ failed }) => failed)).toEqual([true, true, false]);
  });

  test('outside of any trace are none', async () => {
    const { tracing, spans } = open();
    expect(await tracing.within('channel call', {}, async () => tracing.traceparent())).toBeNull();
    expect(tracing.logFields()).toEqual({});
    expect(spans).toEqual([]);
  });

  test('are collected for the share of traces that is asked for, all of a trace or none', async () => {
    const { tracing, spans } = open({ sampleRatio: 0.1 });
    // The ids that are drawn here begin with 01, 03, 05 ...; those below a tenth of 256 are collected.
    for (let i = 0; i < 100; i += 1) {
      await tracing.request(aRequest(), () => tracing.within('store write', {}, async () => {}));
    }
    expect(spans.length).toBeGreaterThan(10);
    for (const { traceId } of spans) expect(Number.parseInt(traceId.slice(0, 2), 16)).toBeLessThan(26);
    expect(spans.filter(({ name }) => name === 'request').length).toBe(spans.length / 2);
  });

  test('are collected when the caller collects, and not when it does not', async () => {
    const { tracing, spans } = open({ sampleRatio: 0 });
    await tracing.request(aRequest({ traceparent: PARENT }), async () => {});
    await tracing.request(aRequest({ traceparent: PARENT.replace(/01$/, '00') }), async () => {});
    expect(spans).toHaveLength(1);
  });

  test('are none without a collector; ids are there all the same, and nobody is told that they lead to spans', async () => {
    const { tracing } = open({ off: true });
    const seen = await tracing.request(aRequest(), () =>
      tracing.within('store write', {}, async () => tracing.traceparent()),
    );
    expect(seen).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});
