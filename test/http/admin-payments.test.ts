import { afterEach, describe, expect, test } from 'vitest';
import { gatewayError } from '../../src/gateway/index.ts';
import { createAdminApp, type Listener, listen } from '../../src/http/index.ts';
import { err } from '../../src/payment/index.ts';
import { adminParts } from './admin-parts.ts';

const ID = 'pay_01h2xcejqtf2nbrexx3vqjhp41';

let listener: Listener | null = null;
afterEach(() => listener?.close(1_000));

async function serve() {
  const recorded: (readonly [string, string])[] = [];
  const recordReturn = async (id: string, reference: string) => {
    recorded.push([id, reference]);
    return err(gatewayError('invalid_state', 'Nothing is held.'));
  };
  listener = await listen(createAdminApp(adminParts({ recordReturn })), { host: '127.0.0.1', port: 0 });
  const { url } = listener;
  const post = async (body: unknown, id = ID) => {
    const answer = await fetch(`${url}/admin/payments/${id}/returned`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return { post, recorded };
}

describe('money that went back by other means', () => {
  test('is recorded with what proves it; a refusal has its code and its sentence', async () => {
    const { post, recorded } = await serve();
    const answer = await post({ reference: '转账 0x12' });
    expect(answer).toEqual({ status: 409, body: { error: 'invalid_state', detail: 'Nothing is held.' } });
    expect(recorded).toEqual([[ID, '转账 0x12']]);
  });

  test.each([
    {},
    { reference: '' },
    { reference: '  ' },
    { reference: 'two\nlines' },
    { reference: 'x'.repeat(201) },
    { reference: 7 },
    { reference: 'TX', amount: 1 },
    [],
    null,
  ])('is not recorded from %j', async (body) => {
    const { post, recorded } = await serve();
    expect(await post(body)).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    expect(recorded).toEqual([]);
  });

  test('of what is no payment is not found', async () => {
    const { post, recorded } = await serve();
    expect(await post({ reference: 'TX' }, 'pay_none')).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect(recorded).toEqual([]);
  });
});
