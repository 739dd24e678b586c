import type { CallbackOutcome, ChannelAdapter, Notice, RawAnswer, RawCallback } from '../../src/channel/index.ts';
import { err, ok, parseRefundRef } from '../../src/payment/index.ts';
import type { ExamplePayConfig } from './config.ts';
import { observeRefund, readRefund, type WireRefund } from './refund.ts';
import { type Proof, verify } from './signature.ts';
import { observe, readOrder, type WireOrder } from './status.ts';

const BODY_BYTES_MAX = 64 * 1024;

/** Form, then signature over the raw bytes, then meaning, then whose it is. Nothing is read before it is verified. */
export function parseCallback(config: ExamplePayConfig): ChannelAdapter['parseCallback'] {
  return async (raw) => {
    const proof = proofOf(raw);
    if (raw.method !== 'POST' || proof === null || raw.body.length > BODY_BYTES_MAX) return err('malformed');
    const body = textOf(raw.body);
    if (body === null) return err('malformed');
    const verdict = verify(config.secret, proof, { said: 'callback', body, nowMs: raw.receivedAt });
    if (verdict !== 'genuine') return err(verdict);
    const said = readRefund(body) ?? readOrder(body);
    if (said === null) return err('malformed');
    if (said.account !== config.account) return err('foreign_account');
    return ok(noticesOf(said));
  };
}

/** A refund that was made by hand in their console has no number of ours: it concerns nothing here, and is acknowledged. */
function noticesOf(said: WireOrder | WireRefund): readonly Notice[] {
  if (!('refund_no' in said)) return [{ kind: 'order', providerRef: said.order_no, observation: observe(said) }];
  if (parseRefundRef(said.refund_no) === null) return [];
  const { order_no: providerRef, refund_no: refundRef } = said;
  return [{ kind: 'refund', providerRef, refundRef, observation: observeRefund(said) }];
}

/** They repeat a callback until they read exactly `DONE`; a refusal must not contain their word. */
export function acknowledge(outcome: CallbackOutcome): RawAnswer {
  return outcome.kind === 'refused'
    ? { status: 400, contentType: 'text/plain', body: 'refused' }
    : { status: 200, contentType: 'text/plain', body: 'DONE' };
}

/** Null unless each header came exactly once: two values mean that somebody put one there. */
function proofOf({ headers }: RawCallback): Proof | null {
  const [time, ...moreTimes] = headers.get('ex-time') ?? [];
  const [sign, ...moreSigns] = headers.get('ex-sign') ?? [];
  return moreTimes.length + moreSigns.length === 0 && time !== undefined && sign !== undefined ? { time, sign } : null;
}

/** Null for bytes that are no UTF-8, which two readers would read differently. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
