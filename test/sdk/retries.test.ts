import { describe, expect, test } from 'vitest';
import { createSwitchyard } from '../../sdk/src/client.ts';
import type { SwitchyardOptions } from '../../sdk/src/index.ts';

interface Sent {
  readonly url: string;
  readonly key: string | null;
  readonly body: unknown;
}

type Scripted = Response | Error | 'hangs';

/** A client whose network does what the script says; waits take no time and are written down. */
function scripted(answers: readonly Scripted[], options: Partial<SwitchyardOptions> = {}) {
  const sent: Sent[] = [];
  const waits: number[] = [];
  const client = createSwitchyard(
    { baseUrl: 'https://pay.example', secretKey: 'sk', ...options },
    {
      random: () => 0,
      wait: async (ms, signal) => {
        waits.push(ms);
        signal?.throwIfAborted();
      },
      fetch: async (url, init) => {
        const answer = answers[sent.length] ?? new Error('the script has ended');
        sent.push({ url: `${url}`, key: new Headers(init?.headers).get('idempotency-key'), body: init?.body });
        if (answer === 'hangs') {
          return new Promise((_, reject) => {
            init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
          });
        }
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  );
  return { client, sent, waits };
}

const fine = () => Response.json({ id: 'pay_1', status: 'pending' });
const refusal = (status: number, code: string, headers: Record<string, string> = {}) =>
  Response.json({ code, status, detail: 'x', request_id: 'req_1' }, { status, headers });
const ORDER = { merchant_order_no: 'A1', amount: 1, currency: 'CNY', subject: 'x' };

describe('what is sent again', () => {
  test('a create whose answer got lost: the same bytes under the same key, after ever longer waits', async () => {
    const { client, sent, waits } = scripted(
      [new Error('reset'), refusal(500, 'internal'), new Response('<html>', { status: 502 }), fine()],
      {
        retries: 3,
      },
    );
    expect(await client.payments.create(ORDER)).toMatchObject({ id: 'pay_1' });
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(sent[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(waits).toEqual([125, 250, 500]);
  });

  test("two creates have two keys; the caller's own is kept", async () => {
    const { client, sent } = scripted([fine(), fine(), fine()]);
    await client.payments.create(ORDER);
    await client.payments.create(ORDER);
    await client.refunds.create('pay_1', { merchant_refund_no: 'R1' }, { idempotencyKey: 'mine' });
    expect(new Set(sent.map(({ key }) => key)).size).toBe(3);
    expect(sent[2]?.key).toBe('mine');
  });

  test('after Retry-After, when that is not too long', async () => {
    const { client, waits } = scripted([
      refusal(503, 'no_channel_available', { 'retry-after': '5' }),
      refusal(429, 'rate_limited', { 'retry-after': '1' }),
      fine(),
    ]);
    await client.payments.create(ORDER);
    expect(waits).toEqual([5_000, 1_000]);
    const patient = scripted([refusal(429, 'rate_limited', { 'retry-after': '60' }), fine()]);
    await expect(patient.client.payments.create(ORDER)).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 60_000,
    });
    expect(patient.sent).toHaveLength(1);
  });

  test('a try that takes too long', async () => {
    const { client, sent } = scripted(['hangs', fine()], { timeoutMs: 1 });
    expect(await client.payments.get('pay_1')).toMatchObject({ id: 'pay_1' });
    expect(sent).toHaveLength(2);
    const given = scripted(['hangs'], { timeoutMs: 1, retries: 0 });
    await expect(given.client.payments.get('pay_1')).rejects.toMatchObject({
      name: 'ConnectionError',
      reason: 'timeout',
    });
  });
});

describe('what is not sent again', () => {
  test.each([
    [400, 'validation_failed'],
    [401, 'unauthorized'],
    [403, 'risk_denied'],
    [404, 'not_found'],
    [409, 'idempotency_conflict'],
    [409, 'invalid_state'],
    [413, 'body_too_large'],
    [422, 'channel_rejected'],
  ])('%i %s', async (status, code) => {
    const { client, sent } = scripted([refusal(status, code), fine()]);
    await expect(client.payments.create(ORDER)).rejects.toMatchObject({
      name: 'ApiError',
      code,
      status,
      requestId: 'req_1',
    });
    expect(sent).toHaveLength(1);
  });

  test('a redelivery of which nobody knows whether it was taken; one that was refused is', async () => {
    for (const lost of [new Error('reset'), refusal(500, 'internal'), new Response('', { status: 503 })]) {
      const { client, sent } = scripted([lost, fine()]);
      await expect(client.events.redeliver('evt_1')).rejects.toThrow();
      expect(sent).toHaveLength(1);
    }
    const { client, sent } = scripted([refusal(429, 'rate_limited'), fine()]);
    await client.events.redeliver('evt_1');
    expect(sent).toHaveLength(2);
  });

  test('anything, once the caller has given up', async () => {
    const reason = new Error('the buyer has left');
    const early = scripted([fine()]);
    await expect(early.client.payments.get('pay_1', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(early.sent).toHaveLength(0);
    const stop = new AbortController();
    const { client, sent } = scripted(['hangs', fine()]);
    const asked = client.payments.get('pay_1', { signal: stop.signal });
    stop.abort(reason);
    await expect(asked).rejects.toBe(reason);
    expect(sent).toHaveLength(1);
  });

  test('a redirect: another address gets neither key nor order', async () => {
    const { client, sent } = scripted([
      new Response(null, { status: 307, headers: { location: 'https://elsewhere/' } }),
    ]);
    await expect(client.payments.create(ORDER)).rejects.toMatchObject({ code: 'unreadable', status: 307 });
    expect(sent).toHaveLength(1);
  });

  test('more often than was agreed', async () => {
    const { client, sent } = scripted([new Error('1'), new Error('2'), new Error('3'), fine()]);
    await expect(client.payments.create(ORDER)).rejects.toMatchObject({ name: 'ConnectionError', reason: 'network' });
    expect(sent).toHaveLength(3);
  });
});
