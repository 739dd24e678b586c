import { createHmac } from 'node:crypto';
import type { RawCallback } from '../../../src/channel/index.ts';

export const SECRET = 'whsec_test_secret';
export const VECTOR_BODY = '{"id":"evt_1","object":"event","type":"x"}';
export const VECTOR_V1 = '33e8f8c0b87d5ed2b8cac16239e4fbdc744d7582bc04ae160a659fe1f5fa8fe4';
export const T = 1_700_000_000;

export const sign = (body: string | Uint8Array, at: number, secret: string) =>
  createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex');

export function aCallback(set: Partial<RawCallback> & { signature?: string | readonly string[] } = {}): RawCallback {
  const { signature = `t=${T},v1=${VECTOR_V1}`, ...rest } = set;
  return {
    method: 'POST',
    target: '/callbacks/stripe-main',
    headers: new Map([['stripe-signature', typeof signature === 'string' ? [signature] : signature]]),
    body: Buffer.from(VECTOR_BODY),
    receivedAt: T * 1_000,
    ...rest,
  };
}

/** A well-formed event, signed as Stripe would. */
export function anEvent(set: Record<string, unknown>, secret = SECRET): RawCallback {
  const event = {
    id: 'evt_1abc',
    object: 'event',
    api_version: '2026-10-28.endive',
    created: T,
    livemode: false,
    type: 'payment_intent.succeeded',
    data: { object: anIntent() },
    ...set,
  };
  const body = JSON.stringify(event);
  return aCallback({ body: Buffer.from(body), signature: `t=${T},v1=${sign(body, T, secret)}` });
}

export function anIntent(set: Record<string, unknown> = {}) {
  return {
    id: 'pi_3abc',
    object: 'payment_intent',
    livemode: false,
    created: T,
    status: 'succeeded',
    amount: 1_250,
    amount_received: 1_250,
    currency: 'usd',
    metadata: { provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01', flow: 'intent' },
    last_payment_error: null,
    latest_charge: 'ch_3abc',
    ...set,
  };
}

export function aSession(set: Record<string, unknown> = {}) {
  return {
    id: 'cs_test_a1abc',
    object: 'checkout.session',
    livemode: false,
    created: T,
    status: 'complete',
    payment_status: 'paid',
    amount_total: 1_250,
    currency: 'usd',
    client_reference_id: '01kaaaaaaaaaaaaaaaaaaaaaaa01',
    metadata: { provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01' },
    payment_intent: 'pi_3abc',
    url: null,
    ...set,
  };
}

export function aRefundObject(set: Record<string, unknown> = {}) {
  return {
    id: 're_3abc',
    object: 'refund',
    amount: 450,
    charge: 'ch_3abc',
    created: T - 60,
    currency: 'usd',
    metadata: {
      refund_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01r001',
      provider_ref: '01kaaaaaaaaaaaaaaaaaaaaaaa01',
      reason: 'the sword was blunt',
    },
    payment_intent: 'pi_3abc',
    reason: 'requested_by_customer',
    status: 'succeeded',
    ...set,
  };
}
