import CircuitBreaker from 'opossum';

/** When a channel's breaker opens and for how long; the `breaker` of a channel in `gateway.yaml`. */
export interface BreakerSettings {
  /** Opens when at least this share of the calls in the window failed technically. 0 to 1. */
  readonly failureRate: number;
  /** Below this many calls in the window the rate decides nothing; then four failures in a row open it. A whole number. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** From opening, or from a failed trial, to the next trial. */
  readonly openForMs: number;
}

export const BREAKER_STATES = ['closed', 'half_open', 'open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

export interface BreakerChange {
  readonly channelId: string;
  readonly operation: string;
  readonly state: BreakerState;
}

export interface BreakersOptions {
  /**
   * Asked at every call, so that a reloaded configuration holds from the next call on. Has to answer for a channel that a
   * reload removed too, while calls to it are under way.
   */
  readonly settingsOf: (channelId: string) => BreakerSettings;
  readonly onChange?: (change: BreakerChange) => void;
}

/** `open`: the call was not made. */
export type Guarded<T> = { readonly outcome: 'done'; readonly value: T } | { readonly outcome: 'open' };

/** One breaker per channel and operation, made when first needed. */
export interface Breakers {
  /**
   * Makes the call unless the breaker is open, and hands its value back. A value that `isFailure` recognises counts as a
   * technical failure, every other one as a success; a rejection counts as a failure and is passed on. The call must end by
   * itself (callers have time-outs): a trial that never ends would keep its breaker half-open.
   *
   * In a half-open breaker the first call is the trial: success closes it, failure opens it again, and whoever comes
   * meanwhile gets `open`.
   */
  run<T>(
    channelId: string,
    operation: string,
    call: () => Promise<T>,
    isFailure: (value: T) => boolean,
  ): Promise<Guarded<T>>;
  state(channelId: string, operation: string): BreakerState;
  /** True for the traffic of buyers as long as the breaker is not closed: the trial is the prober's. */
  isOpen(channelId: string, operation: string): boolean;
  /** True when a trial is due and none is under way: `run` a call without side effects now. */
  wantsProbe(channelId: string, operation: string): boolean;
  /** Opens at once, for failures that need no second sight (AUTH_MISCONFIGURED). A success of a call under way changes nothing. */
  trip(channelId: string, operation: string): void;
  /** Follows another replica, whose breaker has opened or closed. */
  follow(channelId: string, operation: string, state: 'open' | 'closed'): void;
  /** Drops the breakers of a channel that is gone. */
  forget(channelId: string): void;
  /** Stops all timers. From then on every `run` answers `open`. */
  dispose(): void;
}

type Action = () => Promise<void>;

interface Entry {
  readonly breaker: CircuitBreaker<[Action], void>;
  readonly settings: BreakerSettings;
  /** Technical failures since the last good call. */
  failuresInARow: number;
}

/**
 * Where calls are too few for a rate, so many failures in a row decide (`routing.md`: acts after about four at any rate and
 * ignores single ones). A channel that hangs would otherwise never see its minimum of calls within the window.
 */
const FAILURES_IN_A_ROW = 4;

/** opossum opens above its percentage and not at it; with 100% it would never open. */
const PERCENT_MARGIN = 1e-6;
const TECHNICAL_FAILURE = new Error('a value that counts as a technical failure');

/**
 * Breakers on opossum. What to know of it (lib/circuit.js, version 10): calls under way count in its window as calls that have
 * not failed; only a failure makes it look at the rate; a call from before the opening that ends while half-open counts like
 * the trial, being news of the channel as well; its timers are unref'd.
 */
export function createBreakers({ settingsOf, onChange }: BreakersOptions): Breakers {
  const channels = new Map<string, Map<string, Entry>>();
  let disposed = false;

  function find(channelId: string, operation: string): Entry['breaker'] | undefined {
    return channels.get(channelId)?.get(operation)?.breaker;
  }

  /** The breaker under the settings of now. One that was not closed stays open when its settings change. */
  function get(channelId: string, operation: string): Entry {
    const settings = settingsOf(channelId);
    const operations = channels.get(channelId) ?? new Map<string, Entry>();
    channels.set(channelId, operations);
    const existing = operations.get(operation);
    if (existing && sameSettings(existing.settings, settings)) return existing;
    const breaker = openBreaker(settings);
    const before = stateOf(existing?.breaker);
    existing?.breaker.shutdown();
    if (before === 'open') breaker.open(); // nobody is told, since nothing changes
    const tell = (state: BreakerState) => () => onChange?.({ channelId, operation, state });
    breaker.on('open', tell('open')).on('halfOpen', tell('half_open')).on('close', tell('closed'));
    if (before === 'half_open') breaker.open();
    const entry = { breaker, settings, failuresInARow: 0 };
    operations.set(operation, entry);
    return entry;
  }

  function count(entry: Entry, failed: boolean): void {
    entry.failuresInARow = failed ? entry.failuresInARow + 1 : 0;
    const { breaker, settings } = entry;
    const thin = breaker.stats.fires < settings.minRequests;
    if (breaker.closed && thin && entry.failuresInARow >= FAILURES_IN_A_ROW) breaker.open();
  }

  async function run<T>(
    channelId: string,
    operation: string,
    call: () => Promise<T>,
    isFailure: (value: T) => boolean,
  ): Promise<Guarded<T>> {
    if (disposed) return { outcome: 'open' };
    const entry = get(channelId, operation);
    const { breaker } = entry;
    // Asked here and not left to opossum, which counts refused calls into its window and so would dull the next opening.
    if (!admits(breaker)) return { outcome: 'open' };
    const answer = Promise.withResolvers<T>();
    const action = async (): Promise<void> => {
      answer.resolve((async () => call())());
      if (isFailure(await answer.promise)) throw TECHNICAL_FAILURE;
    };
    const failed = await breaker.fire(action).then(
      () => false,
      (thrown: unknown) => {
        if (thrown !== TECHNICAL_FAILURE) throw thrown;
        return true;
      },
    );
    count(entry, failed);
    return { outcome: 'done', value: await answer.promise };
  }

  function forget(channelId: string): void {
    for (const { breaker } of channels.get(channelId)?.values() ?? []) breaker.shutdown();
    channels.delete(channelId);
  }

  return {
    run,
    state: (channelId, operation) => stateOf(find(channelId, operation)),
    isOpen: (channelId, operation) => stateOf(find(channelId, operation)) !== 'closed',
    wantsProbe: (channelId, operation) => find(channelId, operation)?.pendingClose ?? false,
    trip: (channelId, operation) => {
      if (!disposed) get(channelId, operation).breaker.open();
    },
    follow: (channelId, operation, state) => {
      if (disposed || stateOf(find(channelId, operation)) === state) return;
      const { breaker } = get(channelId, operation);
      if (state === 'open') breaker.open();
      else breaker.close();
    },
    forget,
    dispose: () => {
      disposed = true;
      for (const channelId of [...channels.keys()]) forget(channelId);
    },
  };
}

function openBreaker(settings: BreakerSettings): Entry['breaker'] {
  return new CircuitBreaker((action: Action) => action(), {
    timeout: false,
    errorThresholdPercentage: settings.failureRate * 100 - PERCENT_MARGIN,
    volumeThreshold: settings.minRequests,
    rollingCountTimeout: settings.windowMs,
    resetTimeout: settings.openForMs,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  });
}

/** Closed, or half-open with its trial still to come. */
function admits(breaker: Entry['breaker']): boolean {
  return breaker.closed || breaker.pendingClose;
}

function stateOf(breaker: Entry['breaker'] | undefined): BreakerState {
  if (!breaker || breaker.closed) return 'closed';
  return breaker.halfOpen ? 'half_open' : 'open';
}

function sameSettings(a: BreakerSettings, b: BreakerSettings): boolean {
  return (
    a.failureRate === b.failureRate &&
    a.minRequests === b.minRequests &&
    a.windowMs === b.windowMs &&
    a.openForMs === b.openForMs
  );
}
