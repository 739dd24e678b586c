import { setTimeout as pause } from 'node:timers/promises';
import {
  type ConfigFault,
  type ConfigForm,
  type ConfiguredChannel,
  type DescribedChange,
  describeChange,
  describeFaults,
  diffForms,
  digestOf,
  type LoadedConfig,
  type LoadOptions,
  type Reading,
  readConfigAtRest,
  redacted,
  secretMarks,
  watchFiles,
} from './config/index.ts';
import type { Channel, Telemetry } from './gateway/index.ts';
import type { LiveChannels } from './live-channels.ts';
import type { LiveConfig } from './live-config.ts';
import { err, ok, type Result } from './payment/index.ts';

/** What came of looking at the files. `unchanged`: they say what is in force. */
export type ReloadAnswer =
  | { readonly outcome: 'accepted' | 'unchanged'; readonly changes: readonly DescribedChange[] }
  | { readonly outcome: 'refused'; readonly faults: readonly ConfigFault[] };

/** Who wants the files looked at: somebody has written them, a person asks, or a person has asked another replica. */
export type ReloadCause = 'file' | 'signal' | 'request' | 'replica';

/** The configuration in force as an operator may see it. */
export interface ConfigState {
  /** Tells it from other configurations; see `digestOf`. */
  readonly digest: string;
  readonly loadedAt: number;
  readonly refused: { readonly at: number; readonly faults: readonly ConfigFault[] } | null;
}

export interface Reloads {
  /** Reads the files and takes them whole, or refuses them whole (I9). Never rejects; calls that wait for the same turn share it. */
  reload(by: ReloadCause): Promise<ReloadAnswer>;
  state(): ConfigState;
  /** What is in force, with marks for secrets that are the same for the same secret under this salt. */
  shown(): { readonly salt: string; readonly form: ConfigForm };
  /** From now on a change of a file is noticed. */
  watch(): void;
  close(): Promise<void>;
}

export interface ReloadParts {
  readonly options: Omit<LoadOptions, 'readFile'>;
  readonly first: Reading;
  readonly live: LiveConfig;
  readonly channels: LiveChannels;
  readonly needing: (channelId: string, max: number) => Promise<number>;
  /** What a start with this configuration would be refused for, beside the files themselves. */
  readonly startFault: (config: LoadedConfig) => ConfigFault | null;
  readonly telemetry: Telemetry;
  readonly onOutcome: (outcome: ReloadAnswer['outcome'], state: ConfigState) => void;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Two files are often written one after the other: a refused state of theirs is looked at again this often, at this distance. */
const SECOND_LOOKS = 3;
const SECOND_LOOK_MS = 300;
/** More open payments than this are not counted. */
const COUNTED_MAX = 1_000;
/** More changes than these are only counted in the log. */
const LOGGED_MAX = 50;

/** Exchanges the configuration of a running gateway: one reload at a time, and at most one more that waits. */
export function createReloads(parts: ReloadParts): Reloads {
  const { telemetry, now, live } = parts;
  const salt = Buffer.from(parts.randomBytes(16)).toString('hex');
  const digest = secretMarks(salt);
  let marks = parts.first.marks;
  let inForce = parts.first.fingerprint;
  let state: ConfigState = { digest: digestOf(live.current().form), loadedAt: now(), refused: null };
  let lastRefusal = '';
  let turn: Promise<unknown> = Promise.resolve();
  let waiting: { promise: Promise<ReloadAnswer>; by: ReloadCause } | null = null;
  let watcher: { close(): Promise<void> } | null = null;
  let closed = false;

  function reload(by: ReloadCause): Promise<ReloadAnswer> {
    // A person is answered at once and is always counted, also in the turn of a file.
    if (waiting) {
      if (by !== 'file') waiting.by = by;
      return waiting.promise;
    }
    const promise = turn.then(() => {
      const wanted = waiting?.by ?? by;
      waiting = null;
      return perform(wanted);
    });
    waiting = { by, promise };
    turn = promise;
    return promise;
  }

  async function perform(by: ReloadCause): Promise<ReloadAnswer> {
    const { path: file } = parts.options;
    if (closed)
      return { outcome: 'refused', faults: [{ file, line: 0, path: '', message: 'the gateway is stopping' }] };
    try {
      const reading = await read(by);
      marks = reading.marks;
      const taken = await take(reading);
      return taken.ok ? accepted(taken.value) : refused(reading, taken.error, by);
    } catch (thrown) {
      telemetry.error({ err: thrown }, 'configuration could not be looked at');
      const message = 'could not be taken, for a reason that the log tells; nothing has changed';
      const faults = [{ file, line: 0, path: '', message }];
      state = { ...state, refused: { at: now(), faults } };
      parts.onOutcome('refused', state);
      return { outcome: 'refused', faults };
    }
  }

  async function read(by: ReloadCause): Promise<Reading> {
    let reading = await readConfigAtRest(parts.options);
    for (let look = 1; by === 'file' && !reading.loaded.ok && look <= SECOND_LOOKS; look += 1) {
      await pause(SECOND_LOOK_MS);
      reading = await readConfigAtRest(parts.options);
    }
    return reading;
  }

  /** Puts a reading in force. Whatever can fail comes before the one moment in which everything changes. */
  async function take(reading: Reading): Promise<Result<readonly DescribedChange[], readonly ConfigFault[]>> {
    if (reading.fingerprint === inForce) return ok([]);
    if (!reading.loaded.ok) return reading.loaded;
    const next = reading.loaded.value;
    const before = live.current();
    const faults = [...besides(next), ...(await removalFaults(before, next))];
    if (faults.length > 0) return err(faults);
    const prepared = await parts.channels.prepare(next.channels);
    if (!prepared.ok) {
      const { channelId, message } = prepared.error;
      return err([next.faultAt(['channels', channelId], message)]);
    }
    if (closed) {
      await prepared.value.abandon();
      return err([next.faultAt([], 'the gateway is stopping')]);
    }
    prepared.value.commit();
    live.replace(next);
    inForce = reading.fingerprint;
    state = { digest: digestOf(next.form), loadedAt: now(), refused: null };
    for (const { path, message } of next.warnings) telemetry.warn({ path }, message);
    return ok(diffForms(redacted(before.form, digest), redacted(next.form, digest)).map(describeChange));
  }

  function besides(next: LoadedConfig): readonly ConfigFault[] {
    const fault = parts.startFault(next);
    return [...(fault ? [fault] : []), ...identityFaults(next, parts.channels.current())];
  }

  async function removalFaults(before: LoadedConfig, next: LoadedConfig): Promise<readonly ConfigFault[]> {
    const faults: ConfigFault[] = [];
    for (const { id } of before.channels) {
      if (next.channels.some((channel) => channel.id === id)) continue;
      const open = await parts.needing(id, COUNTED_MAX);
      if (open > 0) faults.push(next.faultAt(['channels', id], stillNeeded(open)));
    }
    return faults;
  }

  function accepted(changes: readonly DescribedChange[]): ReloadAnswer {
    const outcome = changes.length > 0 ? 'accepted' : 'unchanged';
    if (state.refused) state = { ...state, refused: null };
    if (outcome === 'accepted') {
      const told = changes.slice(0, LOGGED_MAX).map(({ text }) => text);
      telemetry.info({ changes: told, changeCount: changes.length }, 'configuration taken');
      // Whoever can write the files could have money or shops' orders go elsewhere: a person should know of it.
      const replaced = changes.filter(({ secret }) => secret).map(({ text }) => text);
      if (replaced.length > 0)
        telemetry.warn({ changes: replaced.slice(0, LOGGED_MAX) }, 'keys or credentials replaced');
    } else if (lastRefusal !== '') {
      telemetry.info({}, 'configuration files are again what is in force');
    }
    lastRefusal = '';
    parts.onOutcome(outcome, state);
    return { outcome, changes };
  }

  /** The configuration in force stays. The same refusal is told once, however often its files are touched. */
  function refused(reading: Reading, faults: readonly ConfigFault[], by: ReloadCause): ReloadAnswer {
    const refusal = `${reading.fingerprint}${JSON.stringify(faults)}`;
    const isNews = refusal !== lastRefusal;
    lastRefusal = refusal;
    if (isNews) {
      state = { ...state, refused: { at: now(), faults } };
      const told = describeFaults(faults).split('\n').slice(0, LOGGED_MAX);
      telemetry.error({ faults: told, faultCount: faults.length }, 'configuration refused; the one before it stays');
    }
    if (isNews || by !== 'file') parts.onOutcome('refused', state);
    return { outcome: 'refused', faults };
  }

  return {
    reload,
    state: () => state,
    shown: () => ({ salt, form: redacted(live.current().form, digest) }),
    watch: () => {
      watcher ??= watchFiles({
        known: () => marks,
        onChange: async () => void (await reload('file')),
        onTrouble: (thrown) => telemetry.error({ err: thrown }, 'configuration files could not be looked at'),
      });
    },
    close: async () => {
      closed = true;
      await watcher?.close();
      await turn.catch(() => {});
    },
  };
}

/** What makes a channel the one that its stored orders belong to cannot change under its name. */
function identityFaults(next: LoadedConfig, open: ReadonlyMap<string, Channel>): readonly ConfigFault[] {
  return next.channels.flatMap(({ id, providerId, mode }: ConfiguredChannel) => {
    const running = open.get(id);
    if (!running) return [];
    const faults: ConfigFault[] = [];
    const what = (was: string): string =>
      `cannot change (it runs with ${was}): its orders belong there; add another channel for it, and set weight: 0 here`;
    if (running.providerId !== providerId) {
      faults.push(next.faultAt(['channels', id, 'provider'], what(running.providerId)));
    }
    if (running.mode !== mode) faults.push(next.faultAt(['channels', id, 'mode'], what(running.mode)));
    return faults;
  });
}

function stillNeeded(open: number): string {
  const many = open >= COUNTED_MAX ? `${open} or more` : String(open);
  return `is gone, but has ${many} open payment${open === 1 ? '' : 's'}; put it back with weight: 0, and remove it when nothing is open`;
}
