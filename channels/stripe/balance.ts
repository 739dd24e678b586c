import Stripe from 'stripe';
import { z } from 'zod';
import type { Balance, ChannelError } from '../../src/channel/index.ts';
import { err, isCurrency, ok, type Result } from '../../src/payment/index.ts';
import { fromStripeAmount, type StripeAmount } from './amounts.ts';
import type { StripeClient } from './client.ts';
import { isLivemode, type StripeConfig } from './config.ts';
import { unreadable } from './errors.ts';

const MAY_NOT_ASK = 'may_not_ask';

/** @see https://docs.stripe.com/api/balance/balance_object — what is pending cannot be refunded from yet */
const balanceSchema = z.object({
  object: z.literal('balance'),
  livemode: z.boolean(),
  available: z.array(z.object({ amount: z.int(), currency: z.string() })),
});

/** Asks what is available, by currency. A restricted key without the right to read it is no fault of the account. */
export function balance(client: StripeClient, config: StripeConfig) {
  return async (signal: AbortSignal): Promise<Result<readonly Balance[], ChannelError>> => {
    const schema = z.union([balanceSchema, z.literal(MAY_NOT_ASK)]);
    const answer = await client.ask(schema, signal, (stripe) => stripe.balance.retrieve().catch(mayNotAsk));
    if (!answer.ok) return answer;
    if (answer.value === MAY_NOT_ASK) return ok([]);
    if (answer.value.livemode !== isLivemode(config)) return err(unreadable('forged_response'));
    return ok(answer.value.available.flatMap((amount) => toBalance(amount) ?? []));
  };
}

/** A closed or limited account is refused with 403 too, but names a code. */
function mayNotAsk(thrown: unknown): typeof MAY_NOT_ASK {
  const lacksRight = thrown instanceof Stripe.errors.StripePermissionError;
  if (lacksRight && (thrown.code === undefined || thrown.code.includes('permission'))) return MAY_NOT_ASK;
  throw thrown;
}

/** Null for a currency that Stripe and we count differently. A balance below zero is a debt to Stripe. */
function toBalance({ amount, currency }: StripeAmount): Balance | null {
  const code = currency.toUpperCase();
  // No factor can be wrong for an empty account.
  if (amount === 0) return isCurrency(code) ? { currency: code, availableMinor: 0 } : null;
  const money = fromStripeAmount({ amount: Math.abs(amount), currency });
  return money && { currency: money.currency, availableMinor: amount < 0 ? -money.minor : money.minor };
}
