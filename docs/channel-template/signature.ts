import { createHmac, timingSafeEqual } from 'node:crypto';

/** Replays older than this are refused; clocks may differ by as much. */
const WINDOW_MS = 5 * 60_000;

/** Their signature: HMAC-SHA256 over time, what is said (`POST /orders`, `answer`, `callback`) and the body, in lower-case hex. */
export function signatureOf(secret: string, message: { timeMs: number; said: string; body: string }): string {
  return createHmac('sha256', secret).update(`${message.timeMs}\n${message.said}\n${message.body}`).digest('hex');
}

/** What came with a message: its time and signature, if each of the two headers was there exactly once. */
export interface Proof {
  readonly time: string | undefined;
  readonly sign: string | undefined;
}

/** Form first, then the signature in constant time over decoded bytes, and the time last, since only now it is known to be theirs. */
export function verify(
  secret: string,
  proof: Proof,
  message: { said: string; body: string; nowMs: number },
): 'genuine' | 'bad_signature' | 'stale' {
  const { time, sign } = proof;
  if (time === undefined || sign === undefined) return 'bad_signature';
  if (!/^\d{13}$/.test(time) || !/^[0-9a-f]{64}$/.test(sign)) return 'bad_signature';
  const timeMs = Number(time);
  const expected = Buffer.from(signatureOf(secret, { timeMs, said: message.said, body: message.body }), 'hex');
  if (!timingSafeEqual(Buffer.from(sign, 'hex'), expected)) return 'bad_signature';
  return Math.abs(message.nowMs - timeMs) > WINDOW_MS ? 'stale' : 'genuine';
}
