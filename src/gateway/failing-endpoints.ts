import type { EpochMs, Payment } from '../payment/index.ts';
import type { FailingEndpoint } from '../store/port.ts';
import type { Parts } from './parts.ts';

/** Where a merchant's events go. */
export type Endpoint = Pick<FailingEndpoint, 'merchantId' | 'endpoint'>;

/** A failing address as an operator sees it. */
export interface EndpointState extends FailingEndpoint {
  /** When a paused address gets its next delivery; null while it is not paused. */
  readonly nextTrialAt: EpochMs | null;
}

/** What an event may do now: go out, go out as the trial of a paused address, or come again. */
export type Gate = { readonly state: 'open' | 'trial' } | { readonly state: 'paused'; readonly until: EpochMs };

/** A paused address gets one delivery in this time. */
const TRIAL_EVERY_MS = 3_600_000;
/** What was put off comes again within this time after a trial, not all at the same instant. */
const SPREAD_MS = 60_000;
/** Where many events wait, they come further apart. */
const SPREAD_PER_EVENT_MS = 5;
/** A person who has something sent again gets a trial at once, this often. */
const WANTED_TRIAL_EVERY_MS = 60_000;
/** An address that nobody has used for so long is forgotten. */
const UNUSED_MS = 7 * 24 * 3_600_000;
/** More than this are not kept apart; a merchant with an address per order has as many as it has orders. */
const ENTRIES_MAX = 10_000;

interface Entry {
  state: FailingEndpoint;
  isStored: boolean;
  usedAt: EpochMs;
  trialAt: EpochMs;
  isOnTrial: boolean;
  wantedAt: EpochMs;
  /** Events that were put off since the last trial. */
  putOff: number;
}

/**
 * The addresses that have only failed for a while, and those that are paused for it. Known in memory and written down when
 * something changes, so that a restart does not begin anew; a store that cannot be reached costs nothing but that.
 */
export function createFailingEndpoints(parts: Pick<Parts, 'store' | 'clock' | 'telemetry' | 'settings' | 'random'>) {
  const { store, clock, telemetry } = parts;
  const entries = new Map<string, Entry>();
  let writes: Promise<unknown> = Promise.resolve();
  let sweptAt = 0;

  /** Takes up what an earlier process knew. A paused address gets its trial with the first event that comes. */
  async function load(): Promise<void> {
    try {
      const now = clock.now();
      for (const state of (await store.listFailingEndpoints()).slice(0, ENTRIES_MAX)) {
        entries.set(keyOf(state), anEntry(state, now, true));
      }
    } catch (thrown) {
      telemetry.error({ err: thrown }, 'failing webhook endpoints could not be read; they count from now on');
    }
  }

  function gate(at: Endpoint): Gate {
    const now = clock.now();
    const entry = entries.get(keyOf(at));
    if (entry === undefined || entry.state.pausedAt === null) return { state: 'open' };
    const fromMs = entry.trialAt - now;
    // A trial further ahead than they are apart belongs to a clock that has been set back since.
    if (!entry.isOnTrial && (fromMs <= 0 || fromMs > TRIAL_EVERY_MS)) return { state: 'trial' };
    entry.putOff += 1;
    const spreadMs = Math.max(SPREAD_MS, entry.putOff * SPREAD_PER_EVENT_MS);
    // What comes while the trial runs waits for its end.
    const from = entry.isOnTrial ? now + parts.settings().webhooks.timeoutMs : entry.trialAt;
    return { state: 'paused', until: Math.ceil(from + parts.random() * spreadMs) + 1 };
  }

  function trialBegun(at: Endpoint): void {
    const entry = entries.get(keyOf(at));
    if (entry === undefined) return;
    entry.isOnTrial = true;
    entry.putOff = 0;
    // Always at the same minutes after the pause began, so that what was put off before a restart comes right after a trial.
    const since = entry.state.pausedAt ?? 0;
    entry.trialAt = since + (Math.floor((clock.now() - since) / TRIAL_EVERY_MS) + 1) * TRIAL_EVERY_MS;
  }

  /** The trial came to nothing of its own (we are stopping): the next event may be one. */
  function trialEnded(at: Endpoint): void {
    const entry = entries.get(keyOf(at));
    if (entry) entry.isOnTrial = false;
  }

  /** A delivery has failed: the address is failing from now on, or is paused when it has done nothing else for long. */
  function failed(at: Endpoint, reason: string): void {
    const now = clock.now();
    const known = entries.get(keyOf(at));
    if (!known) {
      sweep(now);
      if (entries.size >= ENTRIES_MAX) return;
    }
    const { merchantId, endpoint } = at;
    const entry = known ?? anEntry({ merchantId, endpoint, failingSince: now, pausedAt: null, reason }, now, false);
    entries.set(keyOf(at), entry);
    entry.usedAt = now;
    const { failingSince, pausedAt } = entry.state;
    if (pausedAt === null && now - failingSince >= parts.settings().webhooks.pauseAfterMs) {
      entry.state = { ...entry.state, pausedAt: now, reason };
      entry.trialAt = now + TRIAL_EVERY_MS;
      entry.isStored = false;
      telemetry.anomaly('webhook_endpoint_paused');
      telemetry.error({ ...nameOf(at), failingForMs: now - failingSince, reason }, 'webhook endpoint paused');
    }
    if (entry.isStored) return;
    entry.isStored = true;
    write(() => store.saveFailingEndpoint(entry.state), entry);
  }

  /** A delivery has succeeded: whatever was held against the address is forgotten. Answers for how long it had only failed. */
  function worked(at: Endpoint): number {
    const entry = entries.get(keyOf(at));
    if (!entry) return 0;
    forget(entry);
    const { pausedAt, failingSince } = entry.state;
    const now = clock.now();
    if (pausedAt !== null) {
      telemetry.info({ ...nameOf(at), pausedForMs: now - pausedAt }, 'webhook endpoint resumed');
    }
    return now - failingSince;
  }

  /** An operator ends the pause of one address of a merchant, or of all; answers which were paused. */
  function resume(merchantId: string, endpoint: string | null): readonly Endpoint[] {
    const found = [...entries.values()].filter(
      ({ state }) =>
        state.pausedAt !== null && state.merchantId === merchantId && (endpoint ?? state.endpoint) === state.endpoint,
    );
    for (const entry of found) {
      forget(entry);
      telemetry.info({ ...nameOf(entry.state), by: 'operator' }, 'webhook endpoint resumed');
    }
    return found.map(({ state }) => ({ merchantId, endpoint: state.endpoint }));
  }

  /** A person has something sent again: whether a paused address works may be tried now. */
  function trialWanted(at: Endpoint): void {
    const now = clock.now();
    const entry = entries.get(keyOf(at));
    if (!entry || entry.isOnTrial || Math.abs(now - entry.wantedAt) < WANTED_TRIAL_EVERY_MS) return;
    entry.wantedAt = now;
    entry.trialAt = Math.min(entry.trialAt, now);
  }

  function forget(entry: Entry): void {
    entries.delete(keyOf(entry.state));
    write(() => store.forgetFailingEndpoint(entry.state), entry);
  }

  function sweep(now: EpochMs): void {
    if (Math.abs(now - sweptAt) < TRIAL_EVERY_MS) return;
    sweptAt = now;
    for (const entry of entries.values()) if (now - entry.usedAt > UNUSED_MS) forget(entry);
  }

  /** One after the other, so that the last thing that happened is what remains. */
  function write(act: () => Promise<void>, entry: Entry): void {
    writes = writes.then(act).catch((thrown: unknown) => {
      entry.isStored = false;
      telemetry.warn({ ...nameOf(entry.state), err: thrown }, 'state of a webhook endpoint could not be stored');
    });
  }

  return {
    ...{ load, gate, trialBegun, trialEnded, failed, worked, resume, trialWanted },
    isPaused: (at: Endpoint): boolean => (entries.get(keyOf(at))?.state.pausedAt ?? null) !== null,
    list: (): readonly EndpointState[] =>
      [...entries.values()].map(({ state, trialAt }) => ({
        ...state,
        nextTrialAt: state.pausedAt === null ? null : trialAt,
      })),
    /** Settles when everything is written down. */
    settled: (): Promise<unknown> => writes,
  };
}

/** Where the events of a payment go; null when its merchant has no address that can be read. */
export function endpointOf(payment: Pick<Payment, 'merchantId' | 'notifyUrl'>): Endpoint | null {
  const url = payment.notifyUrl === null ? null : URL.parse(payment.notifyUrl);
  return url === null ? null : { merchantId: payment.merchantId, endpoint: `${url.origin}${url.pathname}` };
}

function anEntry(state: FailingEndpoint, now: EpochMs, isStored: boolean): Entry {
  return { state, isStored, usedAt: now, trialAt: now, isOnTrial: false, wantedAt: 0, putOff: 0 };
}

function keyOf({ merchantId, endpoint }: Endpoint): string {
  return `${merchantId} ${endpoint}`;
}

/** For the log: the path of an address may hold a secret of the shop's. */
function nameOf({ merchantId, endpoint }: Endpoint): { readonly merchantId: string; readonly origin: string } {
  return { merchantId, origin: URL.parse(endpoint)?.origin ?? 'unreadable' };
}
