import { Webhook } from 'standardwebhooks';
import type { Payment } from '../payment/index.ts';
import type { Change } from './change.ts';
import type { Parts } from './parts.ts';
import type { WebhookAnswer } from './ports.ts';

/**
 * Sends one event of a payment to its merchant and records what came of it. The body is the one that was stored with the
 * change; only the timestamp and signature are made afresh (https://www.standardwebhooks.com, section "Signature").
 */
export function createNotifier(parts: Parts, change: Change) {
  return async function notify(payment: Payment, eventId: string, signal: AbortSignal): Promise<void> {
    const event = payment.events.find((e) => e.id === eventId);
    const merchant = parts.merchants().byId(payment.merchantId);
    const url = payment.notifyUrl;
    if (event?.delivery.state !== 'pending') return;
    const answer: WebhookAnswer =
      merchant && url !== null
        ? await send(url, event.id, event.body, merchant.webhookSecrets, signal).catch(senderBug)
        : { outcome: 'failed', reason: 'no merchant or address' };
    // A delivery cut short by our own shutdown is no failure of the shop's: it is simply tried again.
    if (signal.aborted && answer.outcome !== 'answered') return;
    const delivered = answer.outcome === 'answered' && answer.status >= 200 && answer.status < 300;
    // Before the delivery is recorded: an event that is delivered is not sent again, and its answer would be lost with us.
    if (delivered && saysDelivered(answer.body)) await change(payment.id, { type: 'fulfilled' });
    const tryNo = event.delivery.tries + 1;
    const changed = await change(payment.id, { type: 'event_sent', eventId, tryNo, delivered });
    const state =
      changed.outcome === 'applied' ? changed.payment.events.find((e) => e.id === eventId)?.delivery.state : null;
    parts.telemetry.webhookDelivery(
      delivered ? 'delivered' : state === 'dead' ? 'dead' : answer.outcome === 'refused' ? 'refused' : 'failed',
    );
    if (!delivered) {
      const why = answer.outcome === 'answered' ? `status ${answer.status}` : answer.reason;
      parts.telemetry.warn(
        { paymentId: payment.id, eventId, merchantId: payment.merchantId, why },
        'webhook not delivered',
      );
    }
  };

  /** The sender never throws; should it all the same, the event must still come to its end. */
  function senderBug(thrown: unknown): WebhookAnswer {
    parts.telemetry.error({ err: thrown }, 'webhook sender threw: a bug');
    return { outcome: 'failed', reason: 'sender_bug' };
  }

  async function send(
    url: string,
    eventId: string,
    body: string,
    secrets: readonly string[],
    signal: AbortSignal,
  ): Promise<WebhookAnswer> {
    const { timeoutMs, allowPrivateAddresses } = parts.settings().webhooks;
    const at = new Date(parts.clock.now());
    const headers = {
      'content-type': 'application/json',
      'webhook-id': eventId,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(eventId, at, body)).join(' '),
    };
    return parts.sendWebhook({ url, headers, body, timeoutMs, allowPrivateAddresses }, signal);
  }
}

export type Notify = ReturnType<typeof createNotifier>;

/** The shop may report delivery in its answer: `{"fulfilment":"delivered"}` (A5). */
function saysDelivered(body: string): boolean {
  if (body === '') return false;
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === 'object' && answer !== null && 'fulfilment' in answer && answer.fulfilment === 'delivered';
  } catch {
    return false;
  }
}
