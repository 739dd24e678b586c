import { isCurrency } from '../../src/payment/index.ts';

/**
 * Our number as the provider knows it. Its notices do not name the currency of their amount; so it is a part of the number, which is
 * signed.
 */
export function orderIdOf(providerRef: string, currency: string): string {
  return `${providerRef}-${currency}`;
}

/** The inverse; null for anything that we never sent. */
export function parseOrderId(text: string): { readonly providerRef: string; readonly currency: string } | null {
  const [, providerRef, currency] = /^([0-9a-z]{28})-([A-Z]{3,4})$/.exec(text) ?? [];
  if (providerRef === undefined || currency === undefined || !isCurrency(currency)) return null;
  return { providerRef, currency };
}
