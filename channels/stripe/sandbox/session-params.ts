import { checkAmount } from './amounts.ts';
import { type Form, textAt } from './form.ts';
import { invalid, type Reply } from './reply.ts';

const HALF_HOUR_MS = 30 * 60_000;
export const DAY_MS = 24 * 60 * 60_000;
const REFERENCE_LENGTH_MAX = 200;
/** What this simulator knows of; another name is refused, as Stripe refuses a misspelt one. */
const PARAMS = new Set([
  ...[
    'adaptive_pricing',
    'allowed_payment_method_types',
    'cancel_url',
    'client_reference_id',
    'customer_email',
    'expand',
  ],
  ...['expires_at', 'line_items', 'locale', 'metadata', 'mode', 'payment_intent_data', 'success_url', 'ui_mode'],
]);

/** Null when Stripe would make a Session of these parameters. */
export function checkParams(form: Form, now: number): Reply | null {
  const unknown = Object.keys(form).find((name) => !PARAMS.has(name));
  if (unknown !== undefined) return invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown');
  if (textAt(form, 'mode') !== 'payment') return invalid('Invalid mode: must be one of payment', 'mode');
  const successUrl = textAt(form, 'success_url');
  if (successUrl === undefined)
    return invalid('Missing required param: success_url.', 'success_url', 'parameter_missing');
  for (const [name, url] of [
    ['success_url', successUrl],
    ['cancel_url', textAt(form, 'cancel_url')],
  ] as const) {
    if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
      return invalid('Not a valid URL', name, 'url_invalid');
    }
  }
  if ((textAt(form, 'client_reference_id') ?? '').length > REFERENCE_LENGTH_MAX) {
    return invalid('Invalid string: must be at most 200 characters', 'client_reference_id');
  }
  const { amount, currency, name } = firstItem(form);
  if (!name)
    return invalid(
      'Missing required param: line_items[0][price_data][product_data][name].',
      'line_items',
      'parameter_missing',
    );
  return (
    checkAmount(amount, currency, 'line_items[0][price_data][unit_amount]') ??
    checkExpiry(textAt(form, 'expires_at'), now)
  );
}

function checkExpiry(expiresAt: string | undefined, now: number): Reply | null {
  if (expiresAt === undefined) return null;
  if (!/^\d{1,12}$/.test(expiresAt))
    return invalid(`Invalid integer: ${expiresAt}`, 'expires_at', 'parameter_invalid_integer');
  const lifeMs = Number(expiresAt) * 1_000 - now;
  if (lifeMs >= HALF_HOUR_MS - 1_000 && lifeMs <= DAY_MS) return null;
  return invalid('The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from now.', 'expires_at');
}

/** The one thing that is sold. */
export function firstItem(form: Form) {
  const at = (...path: string[]) => textAt(form, 'line_items', '0', ...path);
  return {
    amount: at('price_data', 'unit_amount'),
    currency: at('price_data', 'currency'),
    name: at('price_data', 'product_data', 'name'),
  };
}
