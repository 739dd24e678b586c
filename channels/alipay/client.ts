import { createPrivateKey } from 'node:crypto';
import type { AlipaySdkConfig, AlipaySdk as Sdk } from 'alipay-sdk';
import { z } from 'zod';
import {
  type AdapterPorts,
  type ChannelError,
  channelError,
  openHttpTransport,
  type SendFailure,
} from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { type AlipayConfig, readPublicKey } from './config.ts';
import { endsRefund, errorOf, isEntranceRefusal, type Operation } from './errors.ts';
import { type ApiRequest, openRequests } from './requests.ts';
import { AlipaySdk } from './sdk.ts';
import { toBeijing } from './time.ts';

/** A signed URL for the buyer's browser. */
export interface PageRequest {
  readonly method: string;
  readonly biz: Readonly<Record<string, string>>;
  readonly notifyUrl: string;
  readonly returnUrl: string;
}

/** What is asked, and what for. */
export interface ApiCall extends ApiRequest {
  readonly operation: Operation;
}

export interface AlipayClient {
  /** No network call is made. */
  pageUrl(request: PageRequest): string;
  /**
   * The verified content of an answer with code 10000; everything else is an error. One request, never repeated. After an abort
   * it answers at once: `created: 'no'` when not a byte had been sent.
   */
  call(request: ApiCall, signal: AbortSignal): Promise<Result<ApiAnswer, ChannelError>>;
  /** Checks a notice's RSA2 signature over its parsed fields. */
  isGenuine(notice: Readonly<Record<string, string>>): boolean;
  close(): Promise<void>;
}

export type ApiAnswer = Readonly<Record<string, unknown>>;

const answerSchema = z.looseObject({ code: z.string(), sub_code: z.string().optional() });
const errorResponseSchema = z.object({ error_response: answerSchema });

export function openClient(
  config: AlipayConfig,
  ports: Pick<AdapterPorts, 'now' | 'randomBytes' | 'record'>,
): AlipayClient {
  const transport = openHttpTransport(config.gateway, ports.record);
  const requests = openRequests(config, ports);
  const sdk = withReadyKeys(new AlipaySdk(sdkConfig(config)), config);
  return {
    pageUrl: ({ method, biz, notifyUrl, returnUrl }) =>
      sdk.pageExecute(method, 'GET', { timestamp: toBeijing(ports.now()), notifyUrl, returnUrl, bizContent: biz }),
    async call({ operation, ...request }, signal) {
      const answer = await transport.send(await requests.signed(request), signal);
      if (!answer.ok) return err(lost(answer.error, signal));
      const { status, body } = answer.value;
      if (status !== 200) return err(httpError(status));
      return readAnswer(sdk, { method: request.method, operation, text: Buffer.from(body).toString('utf8') });
    },
    // The SDK would take the algorithm from the sender, and Node reads base64 around damage.
    isGenuine: (notice) => notice.sign_type === 'RSA2' && isBase64(notice.sign) && isSigned(sdk, notice),
    close: () => transport.dispose(),
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

function sdkConfig(config: AlipayConfig): AlipaySdkConfig {
  return {
    appId: config.app_id,
    privateKey: createPrivateKey(config.private_key).export({ type: 'pkcs8', format: 'pem' }).toString(),
    keyType: 'PKCS8',
    alipayPublicKey: readPublicKey(config.alipay_public_key).export({ type: 'spki', format: 'pem' }).toString(),
    gateway: config.gateway,
    signType: 'RSA2',
  };
}

/** `channels.md` 0.2: no whole answer. What was certainly not sent cannot have made an order. */
function lost({ sent }: SendFailure, signal: AbortSignal): ChannelError {
  const why = signal.aborted ? { reason: 'timeout' as const } : {};
  return sent ? channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', why) : channelError('CHANNEL_UNAVAILABLE', 'no', why);
}

function httpError(status: number): ChannelError {
  if (status === 429) return channelError('RATE_LIMITED', 'no', { providerCode: 'http_429' });
  return channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe', { providerCode: `http_${status}` });
}

function readAnswer(
  sdk: Sdk,
  { method, operation, text }: { readonly method: string; readonly operation: Operation; readonly text: string },
): Result<ApiAnswer, ChannelError> {
  const whole = parseJson(text);
  if (typeof whole !== 'object' || whole === null) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  const key = `${method.replaceAll('.', '_')}_response`;
  const signedText = sdk.getSignStr(text, key);
  const sign = 'sign' in whole ? whole.sign : undefined;
  if (!(key in whole) || typeof sign !== 'string' || !sdk.rsaCheck(signedText, sign, 'RSA2'))
    return err(unverified(whole, operation));
  // Only what was verified is read: a repeated key would make the value in `whole` another one.
  const signed = answerSchema.safeParse(parseJson(signedText));
  if (!signed.success) return err(channelError('CHANNEL_TIMEOUT_UNKNOWN', 'maybe'));
  if (signed.data.code === '10000') return ok(signed.data);
  return err(errorOf(signed.data.code, signed.data.sub_code ?? null, operation));
}

/**
 * An `error_response` bears no signature (`channels.md` 1.8). The gateway's refusal at the entrance is believed, unless that would end a refund; anything else without a good signature is not Alipay's word.
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
