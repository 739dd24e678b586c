import { createServer } from 'node:net';
import type { FaultsPatch } from '../../src/channel/sandbox/index.ts';
import type { ChannelSubject } from './channel-subject.ts';

/** The caller's patience where the provider never answers; an adapter has to be back soon after it. */
export const SIGNAL_MS = 400;
const BACK_MS = SIGNAL_MS + 2_000;

/** What can happen to a request so that nobody knows whether it was done. */
export const TRANSPORT_FAULTS: readonly { readonly name: string; readonly faults: FaultsPatch }[] = [
  { name: 'the channel is out (outage)', faults: { outage: true } },
  { name: 'the connection is reset before the work is done', faults: { answer: 'reset_before' } },
  { name: 'the connection is reset after the work was done', faults: { answer: 'reset_after' } },
  { name: 'a front answers HTML and 502', faults: { answer: 'html_502' } },
  { name: 'the answer is cut in half', faults: { answer: 'truncated' } },
  { name: 'the answer comes too slowly', faults: { answer: 'slow_body' } },
  { name: 'the provider says that it has an internal error', faults: { error_rate: 1 } },
  { name: 'the provider is slower than we wait', faults: { latency_ms: 60_000 } },
];

/** Ways to spoil the proof of an answer. */
export const SPOILT_ANSWERS = ['unsigned', 'wrong_key', 'stale'] as const;

/** Whether an adapter can see such a spoilt answer, given how this provider signs. */
export function isSeen({ answers }: ChannelSubject, answer: (typeof SPOILT_ANSWERS)[number]): boolean {
  return answers === 'timed' || (answers === 'signed' && answer !== 'stale');
}

/** Throws when a call outlives its signal by far. */
export async function backInTime<T>(work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the call outlived its signal')), BACK_MS);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** A port of this machine on which nobody listens. */
export async function aDeadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
