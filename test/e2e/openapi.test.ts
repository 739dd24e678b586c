import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reading, readDescription } from '../http/described.ts';
import { type Answer, anOrder, eventually, openStage, patient, type Stage } from './stage.ts';

// Every example of the description is sent to the running gateway, and every answer is held against the description.

let stage: Stage;
let reading: Reading;
const seen = new Map<string, Set<number>>();
beforeAll(async () => {
  stage = await openStage({ editConfig: patient });
  reading = await readDescription(stage.gateway().publicUrl);
});
afterAll(() => stage.stop());

interface Call {
  readonly id?: string;
  readonly refundId?: string;
  readonly body?: unknown;
  readonly query?: string;
  readonly headers?: Record<string, string>;
}

/** Calls an operation by its name; the answer has to be one that is described. */
async function send(
  operationId: string,
  { id = '', refundId = '', body, query = '', headers }: Call = {},
): Promise<Answer> {
  const { method, path } = reading.operation(operationId);
  const target = path.replace('{id}', id).replace('{refund_id}', refundId) + query;
  const answer = await stage.api(method === 'GET' ? 'GET' : 'POST', target, body, headers);
  expect(reading.faultsOf(operationId, answer)).toEqual([]);
  seen.set(operationId, (seen.get(operationId) ?? new Set()).add(answer.status));
  return answer;
}

function examplesOf(operationId: string): readonly unknown[] {
  const { examples = {} } = reading.operation(operationId).requestBody?.content['application/json'] ?? {};
  return Object.values(examples).map(({ value }) => value);
}

/** A payment that was paid, and whose event has arrived. */
async function paid(set: Record<string, unknown> = {}): Promise<string> {
  const { body } = await send('createPayment', { body: anOrder(stage, set) });
  await stage.control(body.channel, 'pay', { provider_ref: body.attempts[0].provider_ref });
  await eventually(async () => (await send('getPayment', { id: body.id })).body.status === 'succeeded');
  return body.id;
}

describe('every example works', () => {
  test('those of creates, each a repeat the second time', async () => {
    for (const body of examplesOf('createPayment')) {
      const headers = { 'idempotency-key': `key of ${JSON.stringify(body).length}`.replaceAll(' ', '_') };
      const { status, body: payment } = await send('createPayment', { body, headers });
      expect(status).toBe(201);
      expect((await send('createPayment', { body, headers })).status).toBe(200);
      expect((await send('getRouting', { id: payment.id })).body.data).toHaveLength(payment.attempts.length);
    }
  });

  test('those of refunds, of the delivery, of quotes and of queries', async () => {
    const id = await paid();
    for (const body of examplesOf('createRefund')) {
      const made = await send('createRefund', { id, body });
      expect(made.status).toBe(201);
      expect((await send('createRefund', { id, body })).status).toBe(200);
      expect((await send('getRefund', { id, refundId: made.body.id })).body).toEqual(made.body);
    }
    for (const body of examplesOf('markDelivered')) {
      expect((await send('markDelivered', { id, body })).body.fulfilment).toBe('delivered');
    }
    for (const body of examplesOf('quoteRouting')) {
      expect((await send('quoteRouting', { body })).body.channel).not.toBeNull();
    }
    for (const operationId of ['listPayments', 'listEvents']) {
      for (const { name, example } of reading.operation(operationId).parameters ?? []) {
        const query = example === undefined ? '' : `?${new URLSearchParams([[`${name}`, `${example}`]])}`;
        expect((await send(operationId, { query })).status).toBe(200);
      }
    }
  });

  test('those of events, which arrive as described', async () => {
    const id = await paid({ methods: ['wechatpay'] });
    const [event] = await eventually(async () => stage.shop.eventsOf(id).length > 0 && stage.shop.eventsOf(id));
    const { body } = await send('listEvents', { query: `?limit=100` });
    expect(body.data.map((one: { id: string }) => one.id)).toContain(event?.id);
    expect((await send('redeliverEvent', { id: event?.id ?? '' })).body.delivery.tries).toBe(0);
    for (const example of examplesOf('redeliverEvents')) await send('redeliverEvents', { body: example });
    await send('createRefund', { id, body: { merchant_refund_no: 'R1' } });
    const types = () => stage.shop.eventsOf(id).map(({ type }) => type);
    await eventually(() => types().includes('refund.succeeded'));
    for (const { type, body: text, headers } of stage.shop.eventsOf(id)) {
      const { requestBody, parameters = [] } = reading.description.webhooks[type]?.post ?? {};
      const valid = reading.compile(requestBody?.content['application/json']?.schema ?? {}, 'closed');
      expect(valid(JSON.parse(text)), JSON.stringify(valid.errors)).toBe(true);
      for (const { name, schema, required } of parameters) {
        const value = headers[`${name}`];
        if (required || value !== undefined)
          expect(reading.compile(schema as Record<string, unknown>)(value), `${name}`).toBe(true);
      }
    }
  });
});

describe('every status that is described can happen, and no other does', () => {
  test('refusals of every kind', async () => {
    const unknown = { id: 'pay_01m81gw0mzf3gts91c40dvxv4n', refundId: 'rf_01m81gw0mzf3gts91c40dvxv4n_001' };
    for (const { operationId, requestBody, path } of reading.operations) {
      const id = path.startsWith('/v1/events') ? 'evt_01m81gw0mzf3gts91c40dvxv4n_succeeded' : unknown.id;
      const [body] = examplesOf(operationId);
      await send(operationId, { ...unknown, body, headers: { authorization: 'Bearer sk_nobody' } });
      if (requestBody) {
        for (const wrong of ['{', '[]', JSON.stringify({ x: 1 })]) {
          expect((await send(operationId, { ...unknown, body: wrong })).status).toBe(400);
        }
        await send(operationId, { ...unknown, body: `"${'x'.repeat(65_536)}"` });
      } else if (!path.includes('{')) await send(operationId, { query: '?limit=x' });
      if (path.includes('{')) expect((await send(operationId, { ...unknown, id, body })).status).toBe(404);
    }
  });

  test('conflicts, states and channels', async () => {
    const order = anOrder(stage);
    const { body: open } = await send('createPayment', { body: order });
    await send('createPayment', { body: { ...order, amount: 1 } });
    expect((await send('createPayment', { body: anOrder(stage, { channel: 'nowhere' }) })).body.code).toBe(
      'channel_rejected',
    );
    expect((await send('createPayment', { body: anOrder(stage, { methods: ['pix'] }) })).status).toBe(503);
    const { id } = open;
    expect((await send('createRefund', { id, body: { merchant_refund_no: 'R' } })).body.code).toBe('invalid_state');
    expect((await send('markDelivered', { id, body: { status: 'delivered' } })).status).toBe(409);
    await send('syncPayment', { id });
    await send('closePayment', { id });

    const done = await paid({ notify_url: undefined });
    expect((await send('closePayment', { id: done })).status).toBe(409);
    const [event] = (await send('listEvents', { query: '?limit=100' })).body.data.filter(
      ({ payment_id }: { payment_id: string }) => payment_id === done,
    );
    expect((await send('redeliverEvent', { id: event.id })).body.code).toBe('invalid_state');
    const tooMuch = { merchant_refund_no: 'R', amount: 1001 };
    expect((await send('createRefund', { id: done, body: tooMuch })).body.code).toBe('refund_exceeds_amount');
    expect((await send('createPayment', { body: order, headers: { 'idempotency-key': 'ü' } })).status).toBe(400);
  });

  test('nothing is described that has not been seen above', () => {
    // A disabled shop, a crowd, a fault of ours: `test/http/openapi.test.ts`. Another method is another request.
    const elsewhere = ['403', '405', '429', '500'];
    for (const { operationId, responses } of reading.operations) {
      const here = [...(seen.get(operationId) ?? [])].map(String).sort();
      // A store that is away answers everything with 503; here it is the answer of a create that no channel takes.
      const isHere = (status: string) => !elsewhere.includes(status) && (status !== '503' || here.includes(status));
      expect({ operationId, seen: here }).toEqual({ operationId, seen: Object.keys(responses).filter(isHere).sort() });
    }
    expect(seen.get('createPayment')).toContain(503);
  });
});
