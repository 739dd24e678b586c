import { createPrivateKey } from 'node:crypto';
import type { AlipaySdkConfig, AlipaySdk as Sdk } from 'alipay-sdk';
import { type Dispatcher, errors } from 'undici';
import { z } from 'zod';
import { type AdapterPorts, type ChannelError, channelError } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { type AlipayConfig, readPublicKey } from './config.ts';
import { endsRefund, errorOf, isEntranceRefusal, type Operation } from './errors.ts';
import { AlipayRequestError, AlipaySdk } from './sdk.ts';
import { toBeijing } from './time.ts';
import { openTransport } from './transport.ts';
import { bodyText, type Exchange } from './wire-exchange.ts';

/** The caller's signal is what ends a call; this only keeps a forgotten one from living for ever. */
const CALL_TIMEOUT_MS = 60_000;

/** One signed request: `biz` is the `biz_content`, amounts in it are strings (the SDK turns 1.10 into 1.1). */
export interface ApiRequest {
  readonly operation: Operation;
  /** For example `alipay.trade.query`. */
  readonly method: string;
  readonly biz: Readonly<Record<string, string | readonly string[]>>;
  readonly notifyUrl?: string;
}

/** A signed URL for the buyer's browser. */
export interface PageRequest {
  readonly method: string;
  readonly biz: Readonly<Record<string, string>>;
  readonly notifyUrl: string;
  readonly returnUrl: string;
}

export interface AlipayClient {
  /** No network call is made. */
  pageUrl(request: PageRequest): string;
  /**
   * The verified content of an answer with code 10000; everything else is an error. One request, never repeated. After an abort
   * it answers at once: `created: 'no'` when not a byte had been sent.
   */
  call(request: ApiRequest, signal: AbortSignal): Promise<Result<ApiAnswer, ChannelError>>;
  /** Checks a notice's RSA2 signature over its parsed fields. */
  isGenuine(notice: Readonly<Record<string, string>>): boolean;
  close(): Promise<void>;
}

export type ApiAnswer = Readonly<Record<string, unknown>>;

const answerSchema = z.looseObject({ code: z.string(), sub_code: z.string().optional() });
const errorResponseSchema = z.object({ error_response: answerSchema });

export function openClient(config: AlipayConfig, { now, record }: Pick<AdapterPorts, 'now' | 'record'>): AlipayClient {
  const transport = openTransport(record);
  const sdk = withReadyKeys(new AlipaySdk(sdkConfig(config, transport.dispatcher)), config);
  return {
    pageUrl: ({ method, biz, notifyUrl, returnUrl }) =>
      sdk.pageExecute(method, 'GET', { timestamp: toBeijing(now()), notifyUrl, returnUrl, bizContent: biz }),
    async call({ operation, method, biz, notifyUrl }, signal) {
      if (signal.aborted) return err(channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'timeout' }));
      const params = {
        timestamp: toBeijing(now()),
        bizContent: biz,
        ...(notifyUrl === undefined ? {} : { notifyUrl }),
      };
      const { exchange, outcome } = await transport.run(signal, () => sdk.exec(method, params, { validateSign: true }));
      if (outcome.kind === 'failed' && isBug(outcome.error, exchange)) throw outcome.error;
      if (outcome.kind === 'aborted' || !exchange.complete) return err(lost(exchange));
      if (exchange.status !== 200) return err(httpError(exchange.status));
      return readAnswer(sdk, { method, operation, text: bodyText(exchange), accepted: outcome.kind === 'accepted' });
    },
    // The SDK would take the algorithm from the sender, and Node reads base64 around damage.
    isGenuine: (notice) => notice.sign_type === 'RSA2' && isBase64(notice.sign) && isSigned(sdk, notice),
    close: () => transport.close(),
  };
}

/**
 * The SDK signs and verifies with the text of the keys, which OpenSSL then reads again every time: 0.35 ms for the private
 * one, more than the signature itself. It hands them on to `Sign.sign` and `Verify.verify` as they are, which take keys that have been read just as well.
 */
function withReadyKeys(sdk: Sdk, { private_key, alipay_public_key }: AlipayConfig): Sdk {
  Object.assign(sdk.config, {
    privateKey: createPrivateKey(private_key),
    alipayPublicKey: readPublicKey(alipay_public_key),
  });
  return sdk;
}

function sdkConfig(config: AlipayConfig, dispatcher: Dispatcher): AlipaySdkConfig {
  return {
    appId: config.app_id,
    privateKey: createPrivateKey(config.private_key).export({ type: 'pkcs8', format: 'pem' }).toString(),
    keyType: 'PKCS8',
    alipayPublicKey: readPublicKey(config.alipay_public_key).export({ type: 'spki', format: 'pem' }).toString(),
    gateway: config.gateway,
    timeout: CALL_TIMEOUT_MS,
    signType: 'RSA2',
    camelcase: false,
    // Only the types of undici 7 and 8 disagree, over a hook that neither side uses.
    proxyAgent: dispatcher as unknown as NonNullable<AlipaySdkConfig['proxyAgent']>,
  };
}

/** The SDK wraps what the network does; anything else before a byte is sent is a wrong argument of ours. */
function isBug(error: unknown, { sent }: Exchange): boolean {
  if (sent) return false;
  return !(error instanceof AlipayRequestError) || error.cause instanceof errors.InvalidArgumentError;
}

/** `channels.md` 0.2: no whole answer. What was certainly not sent cannot have made an order. */
function lost({ sent, signal }: Exchange): ChannelError {
  const why = signal.aborted ? { reason: 'timeout' as const } : {};
  return sent ? channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', why) : channelError('CHANNEL_UNAVAILABLE', 'no', why);
}

function httpError(status: number | null): ChannelError {
  if (status === 429) return channelError('RATE_LIMITED', 'no', { providerCode: 'http_429' });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: `http_${status}` });
}

function readAnswer(
  sdk: Sdk,
  answer: { method: string; operation: Operation; accepted: boolean; text: string },
): Result<ApiAnswer, ChannelError> {
  const { method, operation, accepted, text } = answer;
  const whole = parseJson(text);
  if (typeof whole !== 'object' || whole === null) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  if (!accepted) return err(unverified(whole, operation));
  // The SDK verifies a part of the text, but hands out the value of a second parse, which a repeated key would make another
  // one. Only what was verified is read.
  const signed = answerSchema.safeParse(parseJson(sdk.getSignStr(text, `${method.replaceAll('.', '_')}_response`)));
  if (!signed.success) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  if (signed.data.code === '10000') return ok(signed.data);
  return err(errorOf(signed.data.code, signed.data.sub_code ?? null, operation));
}

/**
 * The SDK fails every `error_response` as a bad signature and hides its code (`channels.md` 1.8). The gateway's refusal at the
 * entrance is believed, unless that would end a refund; anything else without a good signature is not Alipay's word.
 */
function unverified(whole: object, operation: Operation): ChannelError {
  const refusal = errorResponseSchema.safeParse(whole);
  if (refusal.success) {
    const { code, sub_code } = refusal.data.error_response;
    const error = errorOf(code, sub_code ?? null, operation);
    if (endsRefund(error, operation)) {
      return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: error.providerCode });
    }
    if (isEntranceRefusal(error) || error.kind === 'CHANNEL_TIMEOUT_UNKNOWN') return error;
  }
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { reason: 'forged_response' });
}

/**
 * The two forms that `checkNotifySignV2` of the SDK takes, in the other order: Alipay signs a notice without its `sign_type`, so
 * that the SDK verifies nearly every one twice.
 * @see https://opendocs.alipay.com/open/270/105902
 */
function isSigned(sdk: Sdk, notice: Readonly<Record<string, string>>): boolean {
  const { sign = '', sign_type: signType, ...fields } = notice;
  const isSignedAs = (signed: Readonly<Record<string, string | undefined>>): boolean => {
    const names = Object.keys(signed).sort();
    return sdk.rsaCheck(names.map((name) => `${name}=${signed[name]}`).join('&'), sign, 'RSA2');
  };
  return isSignedAs(fields) || isSignedAs({ ...fields, sign_type: signType });
}

function isBase64(text: string | undefined): boolean {
  return text !== undefined && text !== '' && Buffer.from(text, 'base64').toString('base64') === text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
