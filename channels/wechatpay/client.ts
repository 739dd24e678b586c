import {
  type AdapterPorts,
  type ChannelError,
  errorOfSending,
  type IncomingAnswer,
  openHttpTransport,
} from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import type { WechatPayConfig } from './config.ts';
import { errorOfAnswer, forgedAnswer, type Purpose, saysAbsent, unreadableAnswer } from './errors.ts';
import { parseJson } from './json.ts';
import { openPlatformKeys, type PlatformKeys } from './platform-keys.ts';
import { type BuildRequest, signRequest } from './sign.ts';
import { isFresh, isProbe, isSignedBy, isUnsigned, readSignatureHeaders } from './signature.ts';

/** Sends requests that the library built, and believes only what WeChat signed. */
export interface Client {
  readonly keys: PlatformKeys;
  /**
   * One call. A success is the JSON of a verified 2xx answer (undefined for 204, and for what is no JSON).
   * @param purpose what is asked about: it decides what NOT_ENOUGH means, and which refusal is "no such thing"
   */
  call(build: BuildRequest, signal: AbortSignal, purpose?: Purpose): Promise<Result<unknown, ChannelError>>;
  dispose(): Promise<void>;
}

export function openClient(config: WechatPayConfig, ports: AdapterPorts): Client {
  const transport = openHttpTransport(config.base_url, ports.record);
  const send = async (build: BuildRequest, signal: AbortSignal) =>
    transport.send(await signRequest(config, ports, build), signal);
  const keys = openPlatformKeys(config, {
    now: ports.now,
    fetchCertificates: (signal) => send((sdk) => sdk.certificates(), signal),
  });
  return {
    keys,
    async call(build, signal, purpose = 'payment') {
      // An answer that could not be checked would leave an order in doubt: then rather ask for nothing.
      const unready = await keys.ready(signal);
      if (unready !== null) return err(unready);
      const answer = await send(build, signal);
      if (!answer.ok) return err(errorOfSending(answer.error));
      const { status, body, headers } = answer.value;
      const isSuccess = status >= 200 && status <= 299;
      const error = isSuccess && status !== 202 ? null : errorOfAnswer(status, body, purpose);
      // Errors need not be signed (those before our signature was checked never are). Two things are not taken unsigned: a
      // success, and "no such order" or "no such refund", after which money may move elsewhere.
      if (error !== null && !isSuccess && isUnsigned(headers) && !saysAbsent(error, purpose)) return err(error);
      const doubt = await doubtOf(answer.value, keys, ports, signal);
      if (doubt !== null) return err(doubt);
      return error === null ? ok(status === 204 ? undefined : parseJson(body)) : err(error);
    },
    async dispose() {
      keys.dispose();
      await transport.dispose();
    },
  };
}

/** Why an answer is not believed; null when WeChat signed it within the last minutes. */
async function doubtOf(
  answer: IncomingAnswer,
  keys: PlatformKeys,
  ports: AdapterPorts,
  signal: AbortSignal,
): Promise<ChannelError | null> {
  const headers = readSignatureHeaders(answer.headers);
  if (!headers.ok) return forgedAnswer();
  // WeChat's own test of our check: just as unusable, but nobody has to be alarmed.
  if (isProbe(headers.value)) return unreadableAnswer();
  if (!isFresh(headers.value, ports.now())) return forgedAnswer();
  const key = await keys.find(headers.value.serial, signal);
  return key !== null && isSignedBy(headers.value, answer.body, key) ? null : forgedAnswer();
}
