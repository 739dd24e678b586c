import type { SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import { checkAmount, toMinor } from './amounts.ts';
import { cannotExpand, expansionOf } from './expand.ts';
import { type Form, textAt, textMapAt } from './form.ts';
import { newId } from './keys.ts';
import type { Entry, Ledger } from './ledger.ts';
import { listPage, sinceMs } from './list.ts';
import { type Expansion, renderIntent } from './objects.ts';
import { newIntent, type Till } from './purchase.ts';
import { done, invalid, missing, type Reply, refuse } from './reply.ts';
import { DAY_MS } from './session-params.ts';

/** Stripe: "searchable in less than a minute". */
const SEARCH_DELAY_MS = 30_000;
const CANCEL_REASONS = new Set(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned']);
const PARAMS = new Set([
  ...[
    'amount',
    'currency',
    'allowed_payment_method_types',
    'automatic_payment_methods',
    'capture_method',
    'description',
  ],
  ...['expand', 'metadata', 'receipt_email', 'statement_descriptor_suffix'],
]);
const PLAIN = { intent: false, charge: false };

export interface IntentsApi {
  create(form: Form): Reply;
  /** `secret`: the client secret that a browser shows instead of a secret key. */
  retrieve(id: string, form: Form, secret?: string): Reply;
  list(form: Form): Reply;
  search(form: Form): Reply;
  cancel(id: string, form: Form): Reply;
  confirm(id: string, form: Form, secret?: string): Reply;
}

/** @see https://docs.stripe.com/api/payment_intents */
export function openIntents(options: SimulatorOptions, ledger: Ledger, till: Till): IntentsApi {
  const { now, randomBytes, baseUrl } = options;
  const render = (entry: Entry, expand: Expansion = PLAIN) => renderIntent(entry, expand, baseUrl());
  const find = (id: string, secret?: string): Entry | undefined => {
    const entry = id.startsWith('pi_') ? ledger.byIntent(id) : undefined;
    return secret === undefined || entry?.detail.intent?.clientSecret === secret ? entry : undefined;
  };
  // A Session makes its PaymentIntent when the buyer first pays, up to a day after the Session itself.
  const made = (since: number) => ledger.newestFirst(since - DAY_MS).filter((entry) => entry.detail.intent !== null);

  return {
    create(form) {
      const unknown = Object.keys(form).find((name) => !PARAMS.has(name));
      if (unknown !== undefined) return invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown');
      const amount = textAt(form, 'amount');
      const currency = textAt(form, 'currency');
      const refused = checkAmount(amount, currency, 'amount');
      if (refused !== null) return refused;
      const code = (currency ?? '').toLowerCase();
      const intent = newIntent(now(), randomBytes);
      const metadata = textMapAt(form, 'metadata');
      const reference = metadata.provider_ref ?? intent.id;
      const entry = ledger.put(
        {
          providerRef: ledger.isTaken(reference) ? intent.id : reference,
          amountMinor: toMinor(Number(amount), code),
          currency: code.toUpperCase(),
          visible: true,
          status: 'open',
          tradeNo: intent.id,
          paidAmountMinor: null,
          paidAt: null,
          createdAt: now(),
          expiresAt: null,
          refunds: [],
          callbacksSent: 0,
          callbacksAcked: 0,
          detail: {},
        },
        {
          session: null,
          intent,
          intentMetadata: metadata,
          amount: Number(amount),
          currency: code,
          name: textAt(form, 'description') ?? '',
        },
      );
      return done(render(entry));
    },
    retrieve(id, form, secret) {
      const entry = find(id, secret);
      if (entry === undefined) return missing('payment_intent', id, 'intent');
      const expand = expansionOf(form, '');
      return expand === null ? cannotExpand(form) : done(render(entry, expand));
    },
    list(form) {
      const expand = expansionOf(form, 'data.');
      if (expand === null) return cannotExpand(form);
      const newest = made(sinceMs(form)).sort(
        (a, b) => (b.detail.intent?.created ?? 0) - (a.detail.intent?.created ?? 0),
      );
      return listPage(
        '/v1/payment_intents',
        newest.map((entry) => render(entry, expand)),
        form,
      );
    },
    search(form) {
      const asked = /^metadata\[(['"])(\w+)\1\]:(['"])([^'"]*)\3$/.exec(textAt(form, 'query') ?? '');
      if (asked === null) return invalid('The search query could not be parsed.', 'query');
      const found = made(0).filter(
        ({ detail }) =>
          detail.intentMetadata[asked[2] ?? ''] === asked[4] &&
          (detail.intent?.created ?? 0) * 1_000 + SEARCH_DELAY_MS <= now(),
      );
      const data = found.slice(0, 100).map((entry) => render(entry));
      return done({
        object: 'search_result',
        url: '/v1/payment_intents/search',
        has_more: false,
        next_page: null,
        data,
      });
    },
    cancel(id, form) {
      const entry = find(id);
      if (entry === undefined) return missing('payment_intent', id, 'intent');
      const reason = textAt(form, 'cancellation_reason') ?? null;
      if (reason !== null && !CANCEL_REASONS.has(reason))
        return invalid('Invalid cancellation_reason', 'cancellation_reason');
      if (entry.detail.session !== null) {
        return invalid('You cannot cancel the PaymentIntent of a Checkout Session. Expire the Session instead.');
      }
      if (entry.order.status !== 'open') return unexpectedState(entry, 'cancel', render(entry));
      return done(render(till.cancel(entry, reason)));
    },
    confirm(id, form, secret) {
      const entry = find(id, secret);
      if (entry === undefined) return missing('payment_intent', id, 'intent');
      if (entry.detail.session !== null) return invalid('You cannot confirm the PaymentIntent of a Checkout Session.');
      if (entry.order.status !== 'open') return unexpectedState(entry, 'confirm', render(entry));
      const card = textAt(form, 'payment_method') ?? textAt(form, 'payment_method_data', 'card', 'number');
      if (card === undefined) {
        return invalid(
          'You cannot confirm this PaymentIntent because it is missing a payment method.',
          'payment_method',
          'parameter_missing',
        );
      }
      const tried = till.payWithCard(entry, card, textAt(form, 'return_url') ?? null);
      if (tried.kind !== 'declined') return done(render(tried.entry));
      const charge = newId('ch_3', 23, randomBytes);
      return refuse(402, { ...tried.refusal, charge, payment_intent: render(tried.entry) }, true);
    },
  };
}

function unexpectedState({ detail }: Entry, what: string, intent: unknown): Reply {
  const status = detail.intent?.status;
  return refuse(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `You cannot ${what} this PaymentIntent because it has a status of ${status}.`,
    payment_intent: intent,
  });
}
