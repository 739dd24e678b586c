import { createRequire } from 'node:module';
import { err, ok, type Result } from '../payment/index.ts';
import { type AlertChannel, failureCode, type SendFailure, thrownFailure } from './channel.ts';
import { type AlertMessage, cut, oneLine, stateWord, timeText } from './message.ts';
import type { AliyunSmsSettings, SmsFact } from './settings.ts';

const ENDPOINT = 'https://dysmsapi.aliyuncs.com';
/** The SDK cannot be interrupted; left alone, its sockets end by themselves after this. */
const SOCKET_TIMEOUT_MS = 6_000;

/** Aliyun's words for "not now": throttled, their own trouble. Flow control of a number (isv.BUSINESS_LIMIT_CONTROL) is none. */
const PASSING_CODE = /^(Throttling|ServiceUnavailable|InternalError|isp\.)/;

type Send = (phone: string, templateParam: string) => Promise<string | undefined>;

/**
 * Short messages of Aliyun, one phone each. Aliyun knows no idempotency key: after a time-out the same message may come twice.
 * @see https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms
 */
export function aliyunSms(phone: string, settings: AliyunSmsSettings): AlertChannel {
  let opened: Send | null = null;
  return {
    async send(message, signal) {
      const facts = smsFacts(message, settings.variableCharsMax);
      const params = Object.entries(settings.templateParams).map(([name, fact]) => [name, facts[fact]]);
      try {
        // What is begun cannot be stopped: somebody would get it although it is said to have failed, and get it again.
        signal.throwIfAborted();
        opened ??= openClient(settings);
        const sending = opened(phone, JSON.stringify(Object.fromEntries(params)));
        return judged(await orAborted(sending, signal));
      } catch (thrown) {
        return err(sdkFailure(thrown, signal));
      }
    },
  };
}

/**
 * What a template can say, each at most `charsMax` characters and never empty, since Aliyun refuses both; `summary_more` is where
 * `summary` goes on. Addresses are refused as well and left out.
 */
export function smsFacts(message: AlertMessage, charsMax: number): Readonly<Record<SmsFact, string>> {
  const plain = (text: string): string => oneLine(text.replaceAll(/\w+:\/\/\S+/g, '').replaceAll(/[`【】]/g, ''));
  const summary = [...plain(message.summary)];
  const fitting = (text: string): string => cut(plain(text), charsMax, '').trim() || '-';
  return {
    state: fitting(stateWord(message)),
    severity: fitting(message.severity),
    status: fitting(message.status),
    alert: fitting(message.alert),
    summary: fitting(summary.slice(0, charsMax).join('')),
    summary_more: fitting(summary.slice(charsMax).join('')),
    impact: fitting(message.impact),
    since: fitting(timeText(message.startsAt)),
  };
}

const require = createRequire(import.meta.url);

/** Loaded with the first message: whoever sends no short messages never pays for the SDK, which is CommonJS. */
function openClient(settings: AliyunSmsSettings): Send {
  const sms: typeof import('@alicloud/dysmsapi20170525') = require('@alicloud/dysmsapi20170525');
  const core: typeof import('@alicloud/openapi-core') = require('@alicloud/openapi-core');
  const endpoint = new URL(settings.endpoint ?? ENDPOINT);
  const client = new sms.default(
    new core.$OpenApiUtil.Config({
      accessKeyId: settings.accessKeyId,
      accessKeySecret: settings.accessKeySecret,
      endpoint: endpoint.host,
      protocol: endpoint.protocol.slice(0, -1).toUpperCase(),
      readTimeout: SOCKET_TIMEOUT_MS,
      connectTimeout: SOCKET_TIMEOUT_MS,
    }),
  );
  const { signName, templateCode } = settings;
  return async (phoneNumbers, templateParam) => {
    const order = new sms.SendSmsRequest({ phoneNumbers, signName, templateCode, templateParam });
    return (await client.sendSms(order)).body?.code;
  };
}

function judged(code: string | undefined): Result<void, SendFailure> {
  if (code === 'OK') return ok(undefined);
  return err({ code: failureCode('', code), mayPass: PASSING_CODE.test(code ?? '') });
}

/** The SDK's error texts hold request data; only their codes leave this file. */
function sdkFailure(thrown: unknown, signal: AbortSignal): SendFailure {
  const failure = thrownFailure(thrown, signal);
  const isTheirs = thrown instanceof Error && 'statusCode' in thrown && Number(thrown.statusCode) < 500;
  return isTheirs && !signal.aborted ? { ...failure, mayPass: PASSING_CODE.test(failure.code) } : failure;
}

/** The signal has not been aborted yet. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // What comes after the abort is nobody's business any more.
  work.catch(() => {});
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
