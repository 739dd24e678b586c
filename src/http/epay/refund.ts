import { createHash } from 'node:crypto';
import { type Parameters, readMoney } from '../../epay/index.ts';
import type { GatewayError, Merchant } from '../../gateway/index.ts';
import { err, ok, type Payment, type Refund, type Result } from '../../payment/index.ts';
import type { PublicAppParts } from '../context.ts';

/** The refusal, and the reason in the words of the use case where it has some. */
export interface RefundRefusal {
  readonly outcome: 'bad_money' | 'refunds_off' | 'refund_refused';
  readonly detail?: string;
}

/**
 * Returns money of an order. The shop's own number of the refund keeps a repeat from returning it twice; without one it is the order and
 * the amount that do, until such a refund has failed.
 */
export async function refundOrder(
  parts: PublicAppParts,
  merchant: Merchant,
  payment: Payment,
  asked: { readonly parameters: Parameters; readonly numberName: 'refund_no' | 'out_refund_no' },
): Promise<Result<{ readonly payment: Payment; readonly refund: Refund }, RefundRefusal>> {
  const { parameters, numberName } = asked;
  if (merchant.epay?.refunds !== true) return err({ outcome: 'refunds_off' });
  const amount = readMoney(parameters.get('money')?.trim() ?? '');
  if (!amount.ok) return err({ outcome: 'bad_money' });
  const amountMinor = amount.value.minor;
  const merchantRefundNo = refundNumber(payment, parameters.get(numberName)?.trim() ?? '', amountMinor);
  const requestHash = createHash('sha256').update(`epay/${amountMinor}`).digest('hex');
  const order = { merchantRefundNo, amountMinor, reason: null, requestHash };
  const refunded = await parts.gateway.refundPayment(merchant, payment.id, order, null);
  if (!refunded.ok) return err(refusalOf(refunded.error));
  const { refund } = refunded.value;
  if (refund.status === 'failed') return err({ outcome: 'refund_refused' });
  return ok(refunded.value);
}

function refundNumber(payment: Payment, given: string, amountMinor: number): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(given)) return given;
  if (given !== '') return `epay-${createHash('sha256').update(given).digest('hex').slice(0, 40)}`;
  const base = `epay-${amountMinor}`;
  const failed = payment.refunds.filter((r) => r.status === 'failed' && r.merchantRefundNo?.startsWith(`${base}-`));
  return `${base}-${failed.length + 1}`;
}

function refusalOf({ detail }: GatewayError): RefundRefusal {
  return { outcome: 'refund_refused', detail };
}
