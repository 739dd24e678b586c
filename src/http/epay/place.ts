import type { EpayEndpoint, EpayOutcome } from '../../gateway/index.ts';
import { checkoutUrl } from '../../gateway/index.ts';
import { err, ok, type Payment, type Result } from '../../payment/index.ts';
import type { EdgeContext, PublicAppParts } from '../context.ts';
import { sendAnswer, sendRefusal, sendRefusalPage, sendToCashier } from './answers.ts';
import { identifyBySign } from './identify.ts';
import { parseOrder } from './order.ts';
import type { Sent } from './parameters.ts';
import { report } from './session.ts';
import { isFresh } from './v2-time.ts';
import { qrText } from './view.ts';

type Refusal = Exclude<EpayOutcome, 'ok'>;

/** `submit.php`, in both versions: the buyer's browser brings the order and goes on to the cashier. */
export async function submit(parts: PublicAppParts, ctx: EdgeContext, sent: Sent, version: 1 | 2): Promise<void> {
  const endpoint = version === 1 ? 'submit' : 'v2_submit';
  const placed = await place(parts, ctx, sent, { endpoint, version });
  if (placed.ok) sendToCashier(ctx, checkoutUrl(placed.value.id, parts.settings().publicUrl));
  else sendRefusalPage(ctx, placed.error, parts);
}

/** `mapi.php`: the shop's server brings the order and is told where to send its buyer. */
export async function mapi(parts: PublicAppParts, ctx: EdgeContext, sent: Sent): Promise<void> {
  const placed = await place(parts, ctx, sent, { endpoint: 'mapi', version: 1 });
  if (!placed.ok) return sendRefusal(ctx, placed.error);
  const payment = placed.value;
  const payurl = checkoutUrl(payment.id, parts.settings().publicUrl);
  const qrcode = showsQr(sent) ? qrText(payment) : null;
  sendAnswer(ctx, {
    ...{ code: 1, msg: 'success', trade_no: payment.id, O_id: payment.id, payurl },
    ...(qrcode === null ? {} : { qrcode }),
  });
}

/** Only a shop's page on a computer draws the code itself. */
export function showsQr({ parameters }: Sent): boolean {
  const device = parameters.get('device')?.trim() ?? '';
  return device === '' || device === 'pc';
}

/** Checks who asks and what for, and takes the order. Every request is counted here, whatever comes of it. */
export async function place(
  parts: PublicAppParts,
  ctx: EdgeContext,
  sent: Sent,
  as: { readonly endpoint: EpayEndpoint; readonly version: 1 | 2 },
): Promise<Result<Payment, Refusal>> {
  const { parameters } = sent;
  const { endpoint, version } = as;
  const done = async (outcome: EpayOutcome, merchant = identity.ok ? identity.value.merchant : null) =>
    report(parts, ctx, { endpoint, outcome, merchant, parameters, beside: sent.beside });
  const refuse = async (refusal: Refusal) => {
    await done(refusal);
    return err(refusal);
  };
  const identity = identifyBySign(parameters, parts.merchants);
  if (!identity.ok) {
    await done(identity.error.outcome, identity.error.merchant);
    return err(identity.error.outcome);
  }
  if (version === 2 && !isFresh(parameters, parts.clock.now())) return refuse('stale_timestamp');
  const isPhone = /Mobile|Android|iPhone/i.test(ctx.get('user-agent'));
  const order = parseOrder(parameters, { ...identity.value, version, isPhone });
  if (!order.ok) return refuse(order.error === 'ok' ? 'internal' : order.error);
  const placed = await parts.gateway.epay.placeOrder(identity.value.merchant, order.value);
  if (!placed.ok) return refuse(placed.error);
  await done('ok');
  return ok(placed.value);
}
