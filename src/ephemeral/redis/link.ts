import type { RedisTarget } from '../port.ts';
import { type Client, connect, within } from './client.ts';
import type { SCRIPTS } from './scripts.ts';

/** What is told when Redis is lost and when it is back. `reason`: why it was lost; null when it is there. */
export interface LinkState {
  readonly up: boolean;
  readonly since: number;
  readonly reason: string | null;
}

export interface RedisLink {
  /** Runs one script on one key. Rejects at once while Redis is away, and never later than its short time-out. */
  run(script: keyof typeof SCRIPTS, key: string, ...given: readonly (string | number)[]): Promise<unknown>;
  get(key: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** The server's clock; in a cluster that of one of its nodes. Milliseconds since 1970. */
  time(): Promise<number>;
  state(): LinkState;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly target: RedisTarget;
  readonly now: () => number;
  readonly random: () => number;
  /** How long a request waits for Redis at most. */
  readonly timeoutMs?: number;
  readonly onChange?: (state: LinkState) => void;
}

const TIMEOUT_MS = 150;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;
/** One that was back for less than this is not believed so quickly the next time. */
const STEADY_MS = 10_000;
/** A start waits so long for Redis and then goes on without it. */
const FIRST_WAIT_MS = 1_500;
/** Errors of one key or command; all others are Redis's own, and the next request would meet them too. */
const HARMLESS = /^(WRONGTYPE|ERR)\b/;

/**
 * The connection to Redis with a breaker around it: the first failure takes it away, so that only the requests of that moment wait for
 * their time-out; from then on another connection is tried with growing pauses, and taken when Redis writes on it (a replica after a
 * failover, a full or a loading server do not).
 */
export async function openLink(options: LinkOptions): Promise<RedisLink> {
  const { target, now, random, timeoutMs = TIMEOUT_MS, onChange } = options;
  let client: Client | null = null;
  let state: LinkState = { up: false, since: now(), reason: 'not connected yet' };
  let pauseMs = PAUSE_MS_MIN;
  let probeKey = 'switchyard';
  let timer: NodeJS.Timeout | undefined;
  let trying: Promise<void> = Promise.resolve();
  let closed = false;

  function lost(which: Client, key: string, reason: string): void {
    if (client !== which) return;
    client = null;
    which.disconnect();
    if (closed) return;
    pauseMs = now() - state.since > STEADY_MS ? PAUSE_MS_MIN : Math.min(PAUSE_MS_MAX, pauseMs * 2);
    probeKey = key;
    state = { up: false, since: now(), reason };
    onChange?.(state);
    tryLater();
  }

  function tryLater(): void {
    if (closed) return;
    timer = setTimeout(
      () => {
        trying = tryNow();
      },
      pauseMs * (1 + random() / 4),
    );
    timer.unref();
  }

  async function tryNow(): Promise<void> {
    try {
      const next = await connect(target);
      try {
        // On the slot where it failed, so that a cluster that lacks one node is not taken for a whole one.
        await within(timeoutMs, next.set(`switchyard:probe:{${probeKey}}`, 1, 'PX', 1_000));
      } catch (thrown) {
        next.disconnect();
        throw thrown;
      }
      if (closed) next.disconnect();
      else found(next);
    } catch (thrown) {
      if (state.reason === 'not connected yet') state = { ...state, reason: reasonOf(thrown) };
      pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2);
      tryLater();
    }
  }

  function found(next: Client): void {
    client = next;
    next.once('end', () => lost(next, probeKey, 'the connection ended'));
    state = { up: true, since: now(), reason: null };
    onChange?.(state);
  }

  async function guarded(key: string, ask: (on: Client) => Promise<unknown>): Promise<unknown> {
    const on = client;
    if (on === null) throw new Error(`Redis is away: ${state.reason}`);
    try {
      return await within(timeoutMs, ask(on));
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (!HARMLESS.test(reason)) lost(on, key, reason);
      throw new Error(`Redis: ${reason}`);
    }
  }

  trying = tryNow();
  await within(FIRST_WAIT_MS, trying).catch(() => {});
  if (!state.up) onChange?.(state);
  return {
    run: (script, key, ...given) => guarded(key, (on) => commandOf(on, script)(key, ...given)),
    get: (key) => guarded(key, (on) => on.get(key)),
    del: (key) => guarded(key, (on) => on.del(key)),
    time: async () => readTime(await guarded('switchyard', (on) => on.time())),
    state: () => state,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      client?.disconnect();
      client = null;
      await trying;
    },
  };
}

/** Seconds and microseconds, as Redis tells them. */
function readTime(answer: unknown): number {
  const [seconds, micros] = Array.isArray(answer) ? answer.map(Number) : [];
  if (seconds === undefined || micros === undefined) throw new Error('Redis: it does not tell its time');
  return seconds * 1_000 + micros / 1_000;
}

type Command = (...given: readonly (string | number)[]) => Promise<unknown>;

/** ioredis adds the scripts to its clients as methods, of which its types know nothing. */
function commandOf(on: Client, script: keyof typeof SCRIPTS): Command {
  const command: unknown = Reflect.get(on, script);
  if (typeof command !== 'function') throw new Error(`no script ${script}`);
  return (...given) => Reflect.apply(command, on, given);
}

/** The message alone: errors of ioredis carry the command, and AUTH has the password in it. */
function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.slice(0, 200) || 'unknown';
}
