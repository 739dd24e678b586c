import { type GatewayError, gatewayError } from './errors.ts';
import type { Merchant } from './ports.ts';

/** Why an order of this amount is refused to this merchant, whichever channel would take it; null when it is not. */
export function aboveLimit(merchant: Merchant, amountMinor: number): GatewayError | null {
  const { maxAmountMinor } = merchant.limits;
  if (maxAmountMinor === null || amountMinor <= maxAmountMinor) return null;
  const message = `must be at most ${maxAmountMinor} for this merchant`;
  const refused = gatewayError('validation_failed', 'The amount is above the limit.');
  return { ...refused, errors: [{ path: 'amount', message }] };
}
