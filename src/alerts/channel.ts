import { setTimeout } from 'node:timers/promises';
import type { Result } from '../payment/index.ts';
import type { AlertMessage } from './message.ts';

/** Why a message was not taken. */
export interface SendFailure {
  /** One word for log and status: the provider's own code, `http_503`, `timeout`. Never an address or a secret. */
  readonly code: string;
  /** Whether the same message may be taken a moment later. */
  readonly mayPass: boolean;
}

/** A way to tell somebody something; another provider is another one of these. */
export interface AlertChannel {
  /** One try. Ends soon after the signal; ok only when the provider has said that it took the message. */
  send(message: AlertMessage, signal: AbortSignal): Promise<Result<void, SendFailure>>;
}

const CODE = /^[\w.-]{1,64}$/;

/** A provider's code with what it is called there, or `unreadable` for anything that may be more than a code. */
export function failureCode(prefix: string, code: unknown): string {
  const text = typeof code === 'number' || typeof code === 'string' ? String(code) : '';
  return CODE.test(text) ? `${prefix}${text}` : `${prefix}unreadable`;
}

/** What a thrown error of a client means: a time-out, an abort, or the system's word for it (`ECONNREFUSED`). */
export function thrownFailure(thrown: unknown, signal: AbortSignal): SendFailure {
  if (signal.aborted) {
    const isTimeout = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
    return { code: isTimeout ? 'timeout' : 'aborted', mayPass: isTimeout };
  }
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return { code: failureCode('', code ?? (thrown instanceof Error ? thrown.name : 'unknown')), mayPass: true };
}

/** Waits; answers null, or why it was not waited to the end. */
export async function pausedOr(ms: number, signal: AbortSignal): Promise<SendFailure | null> {
  try {
    await setTimeout(ms, undefined, { signal });
    return null;
  } catch (thrown) {
    return thrownFailure(thrown, signal);
  }
}
