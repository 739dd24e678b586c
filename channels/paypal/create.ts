import { type ChannelError, type Created, type CreateRequest, channelError } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { type PayPalAmount, toPayPalAmount } from './amounts.ts';
import type { PayPalClient } from './client.ts';
import { isBuyerPage, type PayPalConfig } from './config.ts';
import { unreadable } from './errors.ts';
import { type Order, orderSchema, unitOf } from './objects.ts';
import { observeOrder } from './status.ts';

const DESCRIPTION_CHARS_MAX = 127;

/** An order that the buyer approves on PayPal's page. Under the same request id PayPal answers the same order for six hours. */
export function create(client: PayPalClient, config: PayPalConfig) {
  return async (request: CreateRequest, signal: AbortSignal): Promise<Result<Created, ChannelError>> => {
    const { method, scene, providerRef } = request;
    if (method !== 'paypal') return err(notOffered('method_not_offered'));
    if (scene !== 'redirect' && scene !== 'wap') return err(notOffered('scene_not_offered'));
    const amount = toPayPalAmount(request.amount);
    if (!amount.ok) return err(channelError('INVALID_REQUEST', 'no', { providerCode: amount.error }));
    const call = {
      method: 'POST',
      path: '/v2/checkout/orders',
      body: orderParams(request, amount.value),
      requestId: `${providerRef}-create`,
    } as const;
    const made = await client.ask(orderSchema, call, signal);
    return made.ok ? fromOrder(made.value, request, config) : made;
  };
}

function orderParams({ providerRef, subject, returnUrl }: CreateRequest, amount: PayPalAmount): unknown {
  const unit = {
    reference_id: providerRef,
    custom_id: providerRef,
    // PayPal captures no second order under one invoice number, whatever else goes wrong.
    invoice_id: providerRef,
    description: subject.slice(0, DESCRIPTION_CHARS_MAX),
    amount,
  };
  const experience = {
    return_url: returnUrl,
    cancel_url: returnUrl,
    user_action: 'PAY_NOW',
    shipping_preference: 'NO_SHIPPING',
  };
  return {
    intent: 'CAPTURE',
    purchase_units: [unit],
    payment_source: { paypal: { experience_context: experience } },
  };
}

/** A repeated create answers the order as it is by now. */
function fromOrder(order: Order, { providerRef }: CreateRequest, config: PayPalConfig): Result<Created, ChannelError> {
  if (!isOurs(order, providerRef)) return err(unreadable('forged_response'));
  const { state } = observeOrder(order);
  if (state === 'succeeded') return err(channelError('ALREADY_PAID', 'maybe', { providerCode: order.status }));
  if (state !== 'open') return err(channelError('DUPLICATE', 'maybe', { providerCode: order.status }));
  const url = order.links?.find(({ rel }) => rel === 'payer-action' || rel === 'approve')?.href;
  if (url === undefined || !isBuyerPage(url, config)) return err(unreadable('forged_response'));
  return ok({ action: { type: 'redirect', url }, channelTradeNo: order.id });
}

/** Whether an order is the one that was asked for. Whose account it is for is compared by the payment. */
export function isOurs(order: Order, providerRef: string): boolean {
  return unitOf(order)?.custom_id === providerRef;
}

/** The router sent what this channel was never configured for; another channel can serve it. */
function notOffered(providerCode: string): ChannelError {
  return channelError('AUTH_MISCONFIGURED', 'no', { providerCode });
}
