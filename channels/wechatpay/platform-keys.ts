import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  type ChannelError,
  channelError,
  errorOfSending,
  type IncomingAnswer,
  type SendFailure,
} from '../../src/channel/index.ts';
import type { EpochMs, Result } from '../../src/payment/index.ts';
import { type PlatformCertificates, readCertificates, type Vouchers } from './certificates.ts';
import type { WechatPayConfig } from './config.ts';
import { errorOfAnswer } from './errors.ts';

const HOUR_MS = 3_600_000;
/** Certificates live five years and overlap, so a look twice a day finds each new one in time. */
const REFRESH_AFTER_MS = 12 * HOUR_MS;
/** Between two fetches, whatever comes in: a stream of forged serials must not make us hammer WeChat. */
const FLOOR_MS = 60_000;
/** After "you have no certificates" (merchants with a public key alone). */
const FLOOR_ABSENT_MS = HOUR_MS;
const FLOOR_FAILED_MS = 2_000;
const FETCH_MS_MAX = 5_000;

/** The keys that WeChat signs with. */
export interface PlatformKeys {
  /** Null once there is any key to check an answer with; else why there is none. Asked before anything is sent. */
  ready(signal: AbortSignal): Promise<ChannelError | null>;
  /**
   * The key that a `Wechatpay-Serial` names, fetched if need be; null when there is none. A public key never stands in for a
   * certificate or the other way round: during a migration callbacks come signed by either.
   */
  find(serial: string, signal: AbortSignal): Promise<KeyObject | null>;
  dispose(): void;
}

export interface PlatformKeysPorts {
  readonly now: () => EpochMs;
  /** `GET /v3/certificates`, unverified: its answer may be signed by a certificate that only it carries. */
  readonly fetchCertificates: (signal: AbortSignal) => Promise<Result<IncomingAnswer, SendFailure>>;
}

export function openPlatformKeys(config: WechatPayConfig, { now, fetchCertificates }: PlatformKeysPorts): PlatformKeys {
  const vouchers = vouchersOf(config);
  const disposed = new AbortController();
  let certificates: PlatformCertificates = new Map();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;
  let problem: ChannelError | null = channelError('CHANNEL_UNAVAILABLE', 'no');

  async function fetchNow(): Promise<void> {
    const answer = await fetchCertificates(AbortSignal.any([disposed.signal, AbortSignal.timeout(FETCH_MS_MAX)]));
    const read = answer.ok ? readCertificates(answer.value, vouchers, now()) : null;
    problem = read === null ? problemOf(answer) : null;
    notBefore = now() + floorAfter(answer, read);
    if (read === null) return;
    certificates = read;
    fetchedAt = now();
  }

  /** Starts a fetch when one is due; without `serial`, for want of any certificate at all. */
  async function refresh(serial: string | null, signal: AbortSignal): Promise<void> {
    const known = serial === null ? certificates.size > 0 : certificates.has(serial);
    const due = now() >= notBefore && (!known || now() - fetchedAt >= REFRESH_AFTER_MS);
    if (running === null && due) {
      running = fetchNow().finally(() => {
        running = null;
      });
    }
    // A key that is known serves on while the list is looked through for new ones.
    if (running !== null && !known) await unlessAborted(running, signal);
  }

  return {
    async ready(signal) {
      if (vouchers.publicKey !== null) return null;
      await refresh(null, signal);
      return certificates.size > 0 ? null : problem;
    },
    async find(serial, signal) {
      if (serial.startsWith('PUB_KEY_ID_')) return serial === vouchers.publicKey?.id ? vouchers.publicKey.key : null;
      const wanted = serial.toUpperCase();
      await refresh(wanted, signal);
      const found = certificates.get(wanted);
      return found && now() < found.expiresAt ? found.key : null;
    },
    dispose: () => disposed.abort(),
  };
}

function vouchersOf(config: WechatPayConfig): Vouchers {
  const { public_key_id: id, public_key: pem, api_v3_key: apiV3Key } = config;
  const publicKey = id === undefined || pem === undefined ? null : { id, key: createPublicKey(pem) };
  return { apiV3Key, publicKey };
}

function floorAfter(answer: Result<IncomingAnswer, SendFailure>, read: PlatformCertificates | null): number {
  if (read !== null) return FLOOR_MS;
  return answer.ok && answer.value.status === 404 ? FLOOR_ABSENT_MS : FLOOR_FAILED_MS;
}

/** In the caller's terms: its own request was not sent, so there is no order, whatever went wrong. */
function problemOf(answer: Result<IncomingAnswer, SendFailure>): ChannelError {
  if (!answer.ok) return { ...errorOfSending(answer.error), kind: 'CHANNEL_UNAVAILABLE', created: 'no' };
  const { status, body } = answer.value;
  if (status === 200) return channelError('CHANNEL_UNAVAILABLE', 'no', { reason: 'forged_response' });
  const error = errorOfAnswer(status, body, 'payment');
  if (error.kind === 'AUTH_MISCONFIGURED' || error.kind === 'RATE_LIMITED') return error;
  // A merchant without certificates has a public key, and it belongs into the configuration.
  if (error.kind === 'NOT_FOUND') return { ...error, kind: 'AUTH_MISCONFIGURED' };
  return { ...error, kind: 'CHANNEL_UNAVAILABLE', created: 'no' };
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = () => resolve();
    signal.addEventListener('abort', done, { once: true });
    work.then(done, reject).finally(() => signal.removeEventListener('abort', done));
  });
}
