import { z } from 'zod';
import type {
  CallbackOutcome,
  CallbackRefusal,
  ChannelAdapter,
  Notice,
  RawAnswer,
  RawCallback,
} from '../../src/channel/index.ts';
import { err, ok, parseRefundRef, type Result } from '../../src/payment/index.ts';
import type { Client } from './client.ts';
import type { WechatPayConfig } from './config.ts';
import { parseJson } from './json.ts';
import { observeRefund, refundNoticeSchema } from './refund-status.ts';
import { decrypt, isFresh, isProbe, isSignedBy, readSignatureHeaders } from './signature.ts';
import { isOurs, observe, transactionSchema } from './status.ts';

const BODY_BYTES_MAX = 65_536;

const envelopeSchema = z.object({
  id: z.string().min(1).max(64),
  event_type: z.string().min(1).max(64),
  resource_type: z.literal('encrypt-resource'),
  resource: z.object({
    algorithm: z.literal('AEAD_AES_256_GCM'),
    nonce: z.string(),
    associated_data: z.string().optional(),
    ciphertext: z.string().min(1),
  }),
});

/**
 * The header signature proves the sender and the moment, the decryption proves the content; both are needed, in this order.
 * Events of other kinds are genuine messages that concern neither a payment nor a refund: an empty list.
 */
export function parseCallback(client: Client, config: WechatPayConfig): ChannelAdapter['parseCallback'] {
  return async (raw, signal) => {
    const refusal = await refusalOf(raw, client, signal);
    if (refusal !== null) return err(refusal);
    const envelope = envelopeSchema.safeParse(parseJson(raw.body));
    if (!envelope.success) return err('malformed');
    const plain = decrypt(envelope.data.resource, config.api_v3_key);
    if (plain === null) return err('bad_signature');
    switch (envelope.data.event_type) {
      case 'TRANSACTION.SUCCESS':
        return readTransaction(plain, config);
      case 'REFUND.SUCCESS':
      case 'REFUND.ABNORMAL':
      case 'REFUND.CLOSED':
        return readRefund(plain, config);
      default:
        return ok([]);
    }
  };
}

/** WeChat looks at the status alone: 200 or 204 ends its retries, anything else makes it come again. */
export function acknowledge(outcome: CallbackOutcome): RawAnswer {
  if (outcome.kind !== 'refused') return { status: 204, contentType: 'application/json', body: '' };
  // A 4xx, since a forger who can provoke 5xx could make a load balancer think that we are ill.
  return { status: 400, contentType: 'application/json', body: '{"code":"FAIL","message":"not accepted"}' };
}

async function refusalOf(raw: RawCallback, client: Client, signal: AbortSignal): Promise<CallbackRefusal | null> {
  if (raw.method !== 'POST' || raw.body.length > BODY_BYTES_MAX) return 'malformed';
  const headers = readSignatureHeaders(raw.headers);
  if (!headers.ok) return 'malformed';
  if (isProbe(headers.value)) return 'probe';
  // Before the key is looked up, so that old messages cannot make us fetch certificates.
  if (!isFresh(headers.value, raw.receivedAt)) return 'stale';
  const key = await client.keys.find(headers.value.serial, signal);
  return key !== null && isSignedBy(headers.value, raw.body, key) ? null : 'bad_signature';
}

function readTransaction(plain: string, config: WechatPayConfig): Result<readonly Notice[], CallbackRefusal> {
  const read = transactionSchema.safeParse(parseJson(plain));
  if (!read.success) return err('malformed');
  if (!isOurs(read.data, config)) return err('foreign_account');
  return ok([{ kind: 'order', providerRef: read.data.out_trade_no, observation: observe(read.data, config) }]);
}

function readRefund(plain: string, config: WechatPayConfig): Result<readonly Notice[], CallbackRefusal> {
  const read = refundNoticeSchema.safeParse(parseJson(plain));
  if (!read.success) return err('malformed');
  const { mchid, out_refund_no: refundRef, out_trade_no: providerRef } = read.data;
  if (mchid !== config.mchid) return err('foreign_account');
  // A refund that somebody made by hand in the merchant platform has a number of another form.
  if (parseRefundRef(refundRef) === null) return ok([]);
  return ok([{ kind: 'refund', providerRef, refundRef, observation: observeRefund(read.data, mchid) }]);
}
