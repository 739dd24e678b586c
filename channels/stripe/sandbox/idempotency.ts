import { createHash } from 'node:crypto';
import type { WireRequest } from '../../../src/channel/sandbox/index.ts';
import { type Reply, refuse } from './reply.ts';

const KEPT_MS = 24 * 60 * 60_000;
const KEYS_MAX = 100_000;
const KEY_LENGTH_MAX = 255;

interface Use {
  readonly hash: string;
  readonly at: number;
  /** Null while the first request still runs. */
  readonly reply: Reply | null;
}

/**
 * What Stripe remembers of `Idempotency-Key`: the answer of the first request that was executed, failures included, for a day.
 * Kept in memory only, so a restart of the sandbox forgets it.
 * @see https://docs.stripe.com/api/idempotent_requests
 */
export interface IdempotencyStore {
  run(request: WireRequest, work: () => Promise<Reply>): Promise<{ readonly reply: Reply; readonly replayed: boolean }>;
  /** Keeps an answer that was given without executing anything. */
  keep(request: WireRequest, reply: Reply): void;
}

export function openIdempotencyStore(now: () => number): IdempotencyStore {
  const uses = new Map<string, Use>();
  const set = (key: string, use: Use): void => {
    uses.delete(key);
    uses.set(key, use);
    for (const oldest of uses.keys()) {
      if (uses.size <= KEYS_MAX) break;
      uses.delete(oldest);
    }
  };
  const get = (key: string): Use | undefined => {
    const use = uses.get(key);
    return use !== undefined && use.at + KEPT_MS > now() ? use : undefined;
  };

  return {
    async run(request, work) {
      const key = keyOf(request);
      if (key === undefined) return { reply: await work(), replayed: false };
      if (key === '' || key.length > KEY_LENGTH_MAX) return fresh(conflict(400, 'Invalid idempotency key.'));
      const hash = hashOf(request);
      const use = get(key);
      if (use !== undefined && use.hash !== hash) {
        return fresh(
          conflict(
            400,
            'Keys for idempotent requests can only be used with the same parameters they were first used with.',
          ),
        );
      }
      if (use?.reply === null) {
        const message = 'There is currently another in-progress request using this Idempotent Key.';
        return fresh(conflict(409, message, 'idempotency_key_in_use'));
      }
      if (use !== undefined) return { reply: use.reply, replayed: true };
      set(key, { hash, at: now(), reply: null });
      const reply = await work();
      if (reply.executed) set(key, { hash, at: now(), reply });
      else uses.delete(key);
      return fresh(reply);
    },
    keep(request, reply) {
      const key = keyOf(request);
      if (key !== undefined && get(key) === undefined) set(key, { hash: hashOf(request), at: now(), reply });
    },
  };
}

export function keyOf(request: WireRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  return request.method !== 'POST' ? undefined : Array.isArray(key) ? key.join(', ') : key;
}

function hashOf({ path, body }: WireRequest): string {
  return createHash('sha256').update(`${path}\n`).update(body).digest('hex');
}

function conflict(status: number, message: string, code?: string): Reply {
  return refuse(status, { type: 'idempotency_error', message, ...(code === undefined ? {} : { code }) });
}

function fresh(reply: Reply): { reply: Reply; replayed: false } {
  return { reply, replayed: false };
}
