import { PassThrough } from 'node:stream';
import type { Gateway } from '../../gateway/index.ts';
import type { Payment } from '../../payment/index.ts';

/** What a cashier page has to know to see whether it is still true. */
export interface PageState {
  readonly status: string;
  readonly stage: string;
  /** Null: nothing can change any more. */
  readonly poll_ms: number | null;
  /** Seconds for paying, by our clock. */
  readonly left_s: number;
}

export interface StreamBounds {
  /** Open streams in all, and of one payment; further ones are refused, and their pages poll. */
  readonly total: number;
  readonly perPayment: number;
  /** How often a payment is read again for what other processes changed, and for what time changes. */
  readonly readEveryMs: number;
  /** A stream ends after this long, and its page opens another. */
  readonly lifeMs: number;
}

const BOUNDS: StreamBounds = { total: 2_000, perPayment: 6, readEveryMs: 5_000, lifeMs: 600_000 };
/** A page that does not read what it is sent is left. */
const UNREAD_BYTES_MAX = 8 * 1024;
/** Proxies end connections that are silent for long; every so many readings something is sent anyway. */
const HEARTBEAT_READINGS = 3;

type Look = (payment: Payment) => Promise<PageState>;

interface Listener {
  readonly out: PassThrough;
  readonly look: Look;
  readonly endsAt: number;
  told: string | null;
  /** What is sent goes out in order, although looking takes time. */
  turn: Promise<void>;
}

interface Watched {
  readonly listeners: Set<Listener>;
  readonly unwatch: () => void;
  timer: NodeJS.Timeout;
  readings: number;
  version: number;
}

/**
 * Server-sent events of cashier pages: a change that this process commits is told at once, one of another process at the next
 * reading. A payment that several pages look at is read once for all of them.
 */
export function createStreams(
  { gateway, stopping }: { readonly gateway: Pick<Gateway, 'findForBuyer' | 'watch'>; readonly stopping: AbortSignal },
  bounds: StreamBounds = BOUNDS,
) {
  const payments = new Map<string, Watched>();
  let open = 0;
  stopping.addEventListener('abort', () => {
    for (const { listeners } of payments.values()) for (const { out } of listeners) out.end();
  });

  /** A stream that begins with the state as it is; null when there are too many, or we are about to stop. */
  function listen(payment: Payment, look: Look): PassThrough | null {
    const known = payments.get(payment.id);
    if (stopping.aborted || open >= bounds.total || (known?.listeners.size ?? 0) >= bounds.perPayment) return null;
    const watched = known ?? begin(payment.id);
    const out = new PassThrough();
    const endsAt = performance.now() + bounds.lifeMs;
    const listener: Listener = { out, look, endsAt, told: null, turn: Promise.resolve() };
    watched.listeners.add(listener);
    open += 1;
    out.once('close', () => leave(payment.id, watched, listener));
    out.on('error', () => {}); // The page has gone; `close` follows.
    out.write('retry: 3000\n\n');
    tell(watched, listener, payment);
    return out;
  }

  function begin(paymentId: string): Watched {
    const watched: Watched = {
      listeners: new Set(),
      unwatch: gateway.watch(paymentId, (payment) => tellAll(watched, payment)),
      timer: setTimeout(() => void read(paymentId, watched), bounds.readEveryMs),
      readings: 0,
      version: 0,
    };
    payments.set(paymentId, watched);
    return watched;
  }

  function leave(paymentId: string, watched: Watched, listener: Listener): void {
    if (!watched.listeners.delete(listener)) return;
    open -= 1;
    if (watched.listeners.size > 0) return;
    clearTimeout(watched.timer);
    watched.unwatch();
    payments.delete(paymentId);
  }

  async function read(paymentId: string, watched: Watched): Promise<void> {
    watched.readings += 1;
    // A store that cannot be read now can be read later; until then there is no news.
    const payment = await gateway.findForBuyer(paymentId).catch(() => null);
    if (payment) tellAll(watched, payment);
    for (const { out, endsAt } of watched.listeners) {
      // Ended at an earlier reading, and still nobody has read the rest.
      if (out.writableEnded) out.destroy();
      else if (performance.now() >= endsAt) out.end();
      else if (watched.readings % HEARTBEAT_READINGS === 0) send(out, ': still here\n\n');
    }
    if (watched.listeners.size === 0) return;
    watched.timer = setTimeout(() => void read(paymentId, watched), bounds.readEveryMs);
  }

  function tellAll(watched: Watched, payment: Payment): void {
    // A reading may be older than a change that has been told meanwhile.
    if (payment.version < watched.version) return;
    watched.version = payment.version;
    for (const listener of watched.listeners) tell(watched, listener, payment);
  }

  function tell(watched: Watched, listener: Listener, payment: Payment): void {
    watched.version = Math.max(watched.version, payment.version);
    listener.turn = listener.turn.then(async () => {
      const state = await listener.look(payment).catch(() => null);
      if (state === null || state.stage === listener.told) return;
      listener.told = state.stage;
      send(listener.out, `data: ${JSON.stringify(state)}\n\n`);
      if (state.poll_ms === null) listener.out.end();
    });
  }

  return { listen, open: () => open };
}

function send(out: PassThrough, text: string): void {
  if (out.writableEnded || out.destroyed) return;
  if (out.readableLength + out.writableLength > UNREAD_BYTES_MAX) out.destroy();
  else out.write(text);
}
