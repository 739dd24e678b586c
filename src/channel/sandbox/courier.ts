import type { KeptBooks } from './books.ts';
import type { CallbackDelivery, CallbackMessage, Courier, Faults } from './contract.ts';
import { strikes } from './faults.ts';
import { pause } from './pause.ts';
import { openPost, type Post } from './post.ts';

/** Callbacks on their way or waiting for a repeat, per channel; one more is lost and reported. */
export const CALLBACKS_MAX = 10_000;
/** Rounds of deliveries at the same time, per channel. */
const ROUNDS_MAX = 64;
/** `reorder` holds a callback back until a later one has gone, or so long. */
const HOLD_MS = 1_000;

export interface CourierOptions {
  readonly books: KeptBooks;
  readonly faults: () => Faults;
  readonly random: () => number;
  /** Multiplies the provider's waiting times: 1 is real, 0.001 a thousand times faster. */
  readonly retryTimeFactor: number;
  readonly onError: (doing: string, error: unknown) => void;
}

export interface KeptCourier extends Courier {
  /** Settles when everything sent so far for this order has been tried once. */
  triedOnce(providerRef: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Delivers one channel's callbacks over HTTP and repeats each on its provider's schedule until it is acknowledged. What is
 * not delivered (an outage, a lost one, no answer) uses up its place in the schedule, and the next repeat comes as planned.
 */
export function openCourier(options: CourierOptions): KeptCourier {
  const { faults, retryTimeFactor, onError } = options;
  const closing = new AbortController();
  const post = openPost(closing.signal, ROUNDS_MAX);
  const inTurn = openOvertaking(closing.signal);
  const running = new Set<Promise<void>>();
  const firstTries = new Map<string, Set<Promise<void>>>();

  const deliverRound = openRounds(options, post, closing.signal);

  const deliverUntilAcknowledged = async (message: CallbackMessage, delivery: CallbackDelivery, tried: () => void) => {
    if (delivery.mode === 'delay' && (await pause(delivery.delayMs, closing.signal)) === 'aborted') return;
    let gone = faults().reorder ? await inTurn() : () => {};
    const waitsMs = [...message.retryAfterMs.map((ms) => ms * retryTimeFactor), null];
    for (const waitMs of waitsMs) {
      const copies = 1 + faults().duplicate_callbacks + (delivery.mode === 'duplicate' ? 1 : 0);
      const acknowledged = await deliverRound(message, copies);
      tried();
      gone();
      gone = () => {};
      if (acknowledged || waitMs === null) return;
      if ((await pause(waitMs, closing.signal)) === 'aborted') return;
    }
  };

  return {
    send(message, delivery) {
      if (delivery.mode === 'drop' || closing.signal.aborted) return;
      if (running.size >= CALLBACKS_MAX) {
        onError('queue a callback', new Error(`${CALLBACKS_MAX} callbacks are waiting already; this one is lost`));
        return;
      }
      const tried = Promise.withResolvers<void>();
      remember(firstTries, message.providerRef, tried.promise);
      const work = deliverUntilAcknowledged(message, delivery, tried.resolve)
        .catch((error: unknown) => onError('deliver a callback', error))
        .finally(() => {
          tried.resolve();
          running.delete(work);
        });
      running.add(work);
    },
    async triedOnce(providerRef) {
      await Promise.all(firstTries.get(providerRef) ?? []);
    },
    async close() {
      closing.abort();
      await Promise.all(running);
      await post.close();
    },
  };
}

/** Delivers so many copies at the same time; true when at least one was acknowledged. */
function openRounds({ books, faults, random }: CourierOptions, post: Post, closing: AbortSignal) {
  const line = openLine(ROUNDS_MAX);

  const deliverOnce = async (message: CallbackMessage): Promise<boolean> => {
    const now = faults();
    if (closing.aborted || now.outage || strikes(now.drop_callbacks, random)) return false;
    const built = message.build({ wrongAmount: now.wrong_amount, wrongSignature: now.wrong_signature });
    books.countCallback(message.providerRef, 'sent');
    const answer = await post.deliver(message.url, built, message.timeoutMs);
    if (answer === null || !message.isAcknowledged(answer.status, answer.body)) return false;
    books.countCallback(message.providerRef, 'acked');
    return true;
  };

  return async (message: CallbackMessage, copies: number): Promise<boolean> => {
    const leave = await line.enter();
    try {
      const acknowledged = await Promise.all(Array.from({ length: copies }, () => deliverOnce(message)));
      return acknowledged.some(Boolean);
    } finally {
      leave();
    }
  };
}

function remember(waiting: Map<string, Set<Promise<void>>>, key: string, promise: Promise<void>): void {
  const set = waiting.get(key) ?? new Set();
  waiting.set(key, set.add(promise));
  void promise.then(() => {
    set.delete(promise);
    if (set.size === 0) waiting.delete(key);
  });
}

/** At most `places` holders at a time; the others wait in the order of their coming. */
function openLine(places: number): { enter(): Promise<() => void> } {
  let free = places;
  const waiting: (() => void)[] = [];
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async enter() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return leave;
    },
  };
}

/** Swaps callbacks in pairs: the first waits; the second goes at once and, when it is gone, lets the first go. */
function openOvertaking(closing: AbortSignal): () => Promise<() => void> {
  let heldBack: AbortController | null = null;
  return async () => {
    const slower = heldBack;
    heldBack = null;
    if (slower !== null) return () => slower.abort();
    const mine = new AbortController();
    heldBack = mine;
    await pause(HOLD_MS, AbortSignal.any([mine.signal, closing]));
    if (heldBack === mine) heldBack = null;
    return () => {};
  };
}
