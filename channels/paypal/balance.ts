import { z } from 'zod';
import type { Balance, ChannelError } from '../../src/channel/index.ts';
import { isCurrency, ok, type Result } from '../../src/payment/index.ts';
import { fromPayPalAmount } from './amounts.ts';
import type { PayPalClient } from './client.ts';

/** @see https://developer.paypal.com/docs/api/transaction-search/v1/#balances_get — what is withheld cannot be refunded from */
const balancesSchema = z.object({
  balances: z.array(
    z.object({ available_balance: z.object({ currency_code: z.string(), value: z.string() }).optional() }),
  ),
});

/** An app without the permission for reports may not ask; that is no fault of the account. */
const MAY_NOT_ASK = new Set(['NOT_AUTHORIZED', 'PERMISSION_DENIED']);

export function balance(client: PayPalClient) {
  return async (signal: AbortSignal): Promise<Result<readonly Balance[], ChannelError>> => {
    const answer = await client.ask(balancesSchema, { method: 'GET', path: '/v1/reporting/balances' }, signal);
    if (answer.ok) return ok(answer.value.balances.flatMap(({ available_balance: held }) => toBalance(held) ?? []));
    return MAY_NOT_ASK.has(answer.error.providerCode ?? '') ? ok([]) : answer;
  };
}

/** A balance below zero is a debt to PayPal. Null for a currency that we do not know. */
function toBalance(held: { readonly currency_code: string; readonly value: string } | undefined): Balance | null {
  if (held === undefined || !isCurrency(held.currency_code)) return null;
  const { currency_code: currency, value } = held;
  if (/^-?0+(?:\.0+)?$/.test(value)) return { currency, availableMinor: 0 };
  const isDebt = value.startsWith('-');
  const money = fromPayPalAmount({ currency_code: currency, value: isDebt ? value.slice(1) : value });
  return money && { currency, availableMinor: isDebt ? -money.minor : money.minor };
}
