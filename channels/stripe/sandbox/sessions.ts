import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { toMinor } from './amounts.ts';
import { cannotExpand, expansionOf } from './expand.ts';
import { type Form, textAt, textMapAt } from './form.ts';
import { newId } from './keys.ts';
import type { Entry, Ledger } from './ledger.ts';
import { listPage, sinceMs } from './list.ts';
import { type Expansion, renderSession } from './objects.ts';
import type { Till } from './purchase.ts';
import { done, invalid, missing, type Reply, refuse } from './reply.ts';
import { checkParams, DAY_MS, firstItem } from './session-params.ts';

export interface SessionsApi {
  create(form: Form): Reply;
  retrieve(id: string, form: Form): Reply;
  list(form: Form): Reply;
  expire(id: string, form: Form): Reply;
}

/** @see https://docs.stripe.com/api/checkout/sessions — mode `payment` with one hosted page */
export function openSessions(options: SimulatorOptions, ledger: Ledger, till: Till): SessionsApi {
  const { now, randomBytes, baseUrl } = options;
  const render = (entry: Entry, expand: Expansion) => renderSession(entry, expand, baseUrl());
  const find = (id: string): Entry | undefined => {
    const entry = id.startsWith('cs_') ? ledger.bySession(id) : undefined;
    return entry && till.refresh(entry);
  };

  return {
    create(form) {
      const refused = checkParams(form, now());
      if (refused !== null) return refused;
      const { amount, currency, name } = firstItem(form);
      const id = newId('cs_test_a1', 56, randomBytes);
      const metadata = textMapAt(form, 'metadata');
      const clientReferenceId = textAt(form, 'client_reference_id') ?? null;
      const reference = metadata.provider_ref ?? clientReferenceId ?? id;
      const code = (currency ?? '').toLowerCase();
      const expiresAt = textAt(form, 'expires_at');
      const entry = ledger.put(
        {
          providerRef: ledger.isTaken(reference) ? id : reference,
          amountMinor: toMinor(Number(amount), code),
          currency: code.toUpperCase(),
          visible: true,
          status: 'open',
          tradeNo: id,
          paidAmountMinor: null,
          paidAt: null,
          createdAt: now(),
          expiresAt: expiresAt === undefined ? now() + DAY_MS : Number(expiresAt) * 1_000,
          refunds: [],
          callbacksSent: 0,
          callbacksAcked: 0,
          detail: {},
        },
        {
          session: {
            id,
            successUrl: textAt(form, 'success_url') ?? '',
            cancelUrl: textAt(form, 'cancel_url') ?? null,
            clientReferenceId,
            metadata,
          },
          intent: null,
          intentMetadata: textMapAt(form, 'payment_intent_data', 'metadata'),
          amount: Number(amount),
          currency: code,
          name: name ?? '',
        },
      );
      return done(render(entry, { intent: false, charge: false }));
    },
    retrieve(id, form) {
      const entry = find(id);
      if (entry === undefined) return missing('checkout.session', id, 'session');
      const expand = expansionOf(form, '');
      return expand === null ? cannotExpand(form) : done(render(entry, expand));
    },
    list(form) {
      const expand = expansionOf(form, 'data.');
      if (expand === null) return cannotExpand(form);
      const objects = ledger
        .newestFirst(sinceMs(form))
        .filter((entry) => entry.detail.session !== null)
        .map((entry) => render(till.refresh(entry), expand));
      const { status, payment_intent: intent } = {
        status: textAt(form, 'status'),
        payment_intent: textAt(form, 'payment_intent'),
      };
      const wanted = objects.filter(
        (session) =>
          (status === undefined || session?.status === status) &&
          (intent === undefined || session?.payment_intent === intent),
      );
      return listPage('/v1/checkout/sessions', wanted, form);
    },
    expire(id, form) {
      const expand = expansionOf(form, '');
      if (expand === null) return cannotExpand(form);
      const entry = find(id);
      if (entry === undefined) return missing('checkout.session', id, 'session');
      const { order, detail } = entry;
      if (order.status !== 'open') {
        const status = order.status === 'paid' ? 'complete' : 'expired';
        return invalid(
          `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${status}\`.`,
        );
      }
      // The bank is being asked at this moment; Stripe holds the object for that long.
      if (detail.intent?.status === 'processing') return lockTimeout();
      return done(render(till.expire(entry), expand));
    },
  };
}

function lockTimeout(): Reply {
  return refuse(429, {
    type: 'invalid_request_error',
    code: 'lock_timeout',
    message: 'This object cannot be accessed right now because another API request is currently accessing it.',
  });
}
