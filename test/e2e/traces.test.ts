import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReceiver, type ReceivedSpan, type Receiver } from '../telemetry/otlp-receiver.ts';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const FROM_SHOP = { traceparent: `00-${TRACE}-${SPAN}-01` };
/** The exporter collects for two seconds. */
const PATIENCE_MS = 15_000;

let receiver: Receiver;
let stage: Stage;
beforeAll(async () => {
  receiver = await openReceiver();
  stage = await openStage({
    editConfig: patient,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: 'pay-under-test' },
  });
});
afterAll(async () => {
  await stage?.stop();
  await receiver?.close();
});

const traceOf = (answer: { headers: Headers }): string => answer.headers.get('traceresponse')?.split('-')[1] ?? '';
const spansOf = (traceId: string): readonly ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId);
const named = (spans: readonly ReceivedSpan[], name: string, operation?: string) =>
  spans.filter(
    (s) => s.name === name && (operation === undefined || s.attributes['switchyard.operation'] === operation),
  );

async function paid(headers: Record<string, string>) {
  const created = await stage.api('POST', '/v1/payments', anOrder(stage), headers);
  const { channel, provider_ref } = created.body.attempts[0];
  await stage.control(channel, 'pay', { provider_ref });
  const event = await eventually(() => stage.shop.eventsOf(created.body.id)[0]);
  return { created, event, id: String(created.body.id) };
}

describe("a payment that was created in a shop's trace", () => {
  let made: Awaited<ReturnType<typeof paid>>;
  let spans: readonly ReceivedSpan[];
  beforeAll(async () => {
    made = await paid(FROM_SHOP);
    spans = await eventually(() => {
      const all = spansOf(TRACE);
      const done = named(all, 'webhook delivery').length > 0 && named(all, 'callback').length > 0;
      return done && named(all, 'request').length >= 2 && all;
    }, PATIENCE_MS);
  });

  test('is followed from the request to the event, in spans that the protocol allows', () => {
    expect(receiver.faults).toEqual([]);
    expect([...receiver.paths]).toEqual(['POST /v1/traces application/json']);
    expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['pay-under-test']));
    const names = new Set(spans.map(({ name }) => name));
    expect(names).toEqual(
      new Set([
        ...['request', 'routing decision', 'store write', 'channel call'],
        ...['callback', 'agenda work', 'webhook delivery'],
      ]),
    );
  });

  test("hangs under the shop's span, each part under the one that called for it", () => {
    const create = spans.find((span) => span.parentSpanId === SPAN);
    expect(create).toMatchObject({
      name: 'request',
      attributes: { 'http.request.method': 'POST', 'http.route': '/v1/payments', 'http.response.status_code': 201 },
    });
    for (const part of [
      named(spans, 'routing decision')[0],
      named(spans, 'store write', 'insert')[0],
      named(spans, 'channel call', 'create')[0],
    ]) {
      expect(part?.parentSpanId).toBe(create?.spanId);
    }
    const [callback] = named(spans, 'callback');
    const received = spans.find((span) => span.spanId === callback?.parentSpanId);
    expect(received).toMatchObject({ name: 'request', parentSpanId: create?.spanId });
    const [delivery] = named(spans, 'webhook delivery');
    const agenda = spans.find((span) => span.spanId === delivery?.parentSpanId);
    expect(agenda).toMatchObject({ name: 'agenda work', parentSpanId: create?.spanId });
    const ids = new Set([SPAN, ...spans.map(({ spanId }) => spanId)]);
    expect(spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''))).toEqual([]);
    expect(ids.size).toBe(spans.length + 1);
  });

  test('tells channel, operation and outcome, and of whom and what nothing but the payment', () => {
    const [call] = named(spans, 'channel call', 'create');
    expect(call?.attributes).toEqual({
      'switchyard.payment_id': made.id,
      'switchyard.channel': made.created.body.channel,
      'switchyard.operation': 'create',
      'switchyard.outcome': 'ok',
    });
    expect(named(spans, 'callback')[0]?.attributes['switchyard.outcome']).toBe('applied');
    expect(named(spans, 'webhook delivery')[0]?.attributes['switchyard.outcome']).toBe('delivered');
    const text = JSON.stringify(spans);
    for (const secret of [stage.shop.url, made.created.body.merchant_order_no, 'Game key', '127.0.0.1']) {
      expect(text).not.toContain(secret);
    }
  });

  test('tells the shop so: in the answer, and with the event', () => {
    expect(traceOf(made.created)).toBe(TRACE);
    expect(made.event.headers.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    const parent = String(made.event.headers.traceparent).split('-')[2];
    expect(named(spans, 'webhook delivery').map(({ spanId }) => spanId)).toContain(parent);
  });

  test('stays in it when it is refunded in a request without a trace, also after a restart', async () => {
    await stage.restart();
    const refunded = await stage.api('POST', `/v1/payments/${made.id}/refunds`, { merchant_refund_no: 'R1' });
    expect(traceOf(refunded)).toBe(TRACE);
    const call = await eventually(() => named(spansOf(TRACE), 'channel call', 'refund')[0], PATIENCE_MS);
    const request = await eventually(() => spansOf(TRACE).find((s) => s.spanId === call.parentSpanId), PATIENCE_MS);
    expect(request.attributes['http.route']).toBe('/v1/payments/:id/refunds');
  });
});

describe('an event', () => {
  test('is sent again with the same body and in the same trace', async () => {
    stage.shop.answerWith({ status: 500 });
    const { id, event, created } = await paid({});
    stage.shop.answerWith({ status: 200 });
    await stage.api('POST', `/v1/events/${event.id}/redeliver`, {});
    const second = await eventually(() => stage.shop.eventsOf(id)[1]);
    expect(second.body).toBe(event.body);
    expect(second.verified).toBe(true);
    const [first, again] = [event, second].map(({ headers }) => String(headers.traceparent).split('-'));
    expect(again?.[1]).toBe(first?.[1]);
    expect(again?.[1]).toBe(traceOf(created));
    expect(again?.[2]).not.toBe(first?.[2]);
  });
});

describe('a traceparent', () => {
  test.each([
    ['that is invalid', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
    ['of a version that cannot be', { traceparent: `ff-${TRACE}-${SPAN}-01` }],
    ['with what does not belong there', { traceparent: `00-${TRACE}-${SPAN}-01-<script>` }],
  ])('%s is as good as none', async (_, headers) => {
    const answer = await stage.api('GET', '/v1/payments', undefined, headers);
    expect(answer.status).toBe(200);
    expect(traceOf(answer)).toMatch(/^[0-9a-f]{32}$/);
    expect(traceOf(answer)).not.toBe(TRACE);
    expect(traceOf(answer)).not.toMatch(/^0+$/);
  });

  test('of a provider or a buyer is not taken', async () => {
    const traceId = 'c'.repeat(32);
    const headers = { traceparent: `00-${traceId}-${SPAN}-01` };
    await fetch(`${stage.gateway().publicUrl}/callbacks/alipay-main`, { method: 'POST', body: 'sign=x', headers });
    const page = await fetch(`${stage.gateway().publicUrl}/pay/pay_01j00000000000000000000000`, { headers });
    expect(page.headers.get('traceresponse')).toBeNull();
    const later = await stage.api('GET', '/v1/payments');
    await eventually(() => spansOf(traceOf(later)).length > 0, PATIENCE_MS);
    expect(spansOf(traceId)).toEqual([]);
  });
});
