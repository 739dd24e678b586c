import type { AccountBalance } from '../../../src/channel/sandbox/index.ts';
import { fromMinor } from './amounts.ts';
import { done, type Reply, refuse } from './reply.ts';

/** `GET /v1/balance`. Everything that was paid is available at once; Stripe would keep it pending for days. */
export function retrieveBalance(balance: AccountBalance): Reply {
  if (balance.granted() === false) {
    const message =
      "The provided key 'rk_test_***' does not have the required permissions for this endpoint. Having the 'rak_balance_read' permission would allow this request to continue.";
    return refuse(403, { type: 'invalid_request_error', code: 'more_permissions_required', message });
  }
  const amounts = new Map([['USD', 0], ...balance.amounts()]);
  const available = [...amounts].map(([code, minor]) => {
    const currency = code.toLowerCase();
    const amount = fromMinor(minor, currency);
    return { amount, currency, source_types: { card: amount } };
  });
  const pending = available.map(({ currency }) => ({ amount: 0, currency, source_types: { card: 0 } }));
  return done({ object: 'balance', available, livemode: false, pending });
}
