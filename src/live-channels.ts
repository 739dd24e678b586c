import { isDeepStrictEqual } from 'node:util';
import type { AdapterPorts, ChannelAdapter, Provider, WireExchange } from './channel/index.ts';
import type { ConfiguredChannel } from './config/index.ts';
import { type CountedAdapter, counted } from './counted-adapter.ts';
import type { Channel, Telemetry } from './gateway/index.ts';
import { err, ok, type Result } from './payment/index.ts';
import type { Sandboxes } from './sandbox-link.ts';

/** An adapter that has been replaced is closed when nobody has used it for so long, */
const UNUSED_MS = 10_000;
/** and after this long in any case: longer than any call may take. */
const REPLACED_MS_MAX = 120_000;
/** A removed channel is served for at least this long: a request that chose it just before may still be on its way there. */
const REMOVED_MS_MIN = 70_000;
const LOOK_EVERY_MS = 1_000;
/** The store reads much to tell whether a removed channel is needed, so it is asked this seldom. */
const ASK_EVERY_MS = 30_000;

/** A set of channels that is opened and can be put in place at once, or given up. */
export interface PreparedChannels {
  /** Puts them in place of the ones before. Takes no time and cannot fail. */
  commit(): void;
  /** Closes what was opened for them. */
  abandon(): Promise<void>;
}

/** Why a set of channels cannot be used. `cause`: as it was thrown, for a start. */
export interface ChannelProblem {
  readonly channelId: string;
  readonly message: string;
  readonly cause: unknown;
}

export interface LiveChannels {
  /** What is served now: every configured channel, and a removed one until nothing of it is open. A new map after each change. */
  current(): ReadonlyMap<string, Channel>;
  /** Opens what is new in this set; what is in place stays there, whatever comes of it. */
  prepare(next: readonly ConfiguredChannel[]): Promise<Result<PreparedChannels, ChannelProblem>>;
  close(): Promise<void>;
}

interface Entry {
  readonly configured: ConfiguredChannel;
  readonly channel: Channel;
  readonly counted: CountedAdapter;
  /** When it was taken out of the configuration; null for one that is in it. */
  readonly removedAt: number | null;
}

/** An adapter in whose place there is another one; calls that were begun on it end on it. */
interface Replaced {
  readonly counted: CountedAdapter;
  readonly at: number;
}

/** The one place that holds the open channels, and exchanges them all at once. */
export function createLiveChannels(parts: {
  readonly providers: readonly Provider[];
  readonly sandboxes: Pick<Sandboxes, 'connect'>;
  readonly publicUrl: () => string;
  readonly adapterPorts: AdapterPorts;
  /** Hears of every request that a channel's adapter has tried. */
  readonly onAnswer?: (channelId: string, exchange: WireExchange) => void;
  readonly telemetry: Pick<Telemetry, 'info' | 'warn'>;
  /** How many payments need this channel still; see `PaymentStore.countNeeding`. */
  readonly needing: (channelId: string) => Promise<number>;
  /** A channel is gone for good: what was learnt of it may go too. */
  readonly onGone: (channelId: string) => void;
}): LiveChannels {
  const { adapterPorts, telemetry } = parts;
  const { now } = adapterPorts;
  let entries: ReadonlyMap<string, Entry> = new Map();
  let channels: ReadonlyMap<string, Channel> = new Map();
  let replaced: readonly Replaced[] = [];
  let looking = false;
  let askedAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function put(next: ReadonlyMap<string, Entry>): void {
    entries = next;
    channels = new Map([...next].map(([id, { channel }]) => [id, channel]));
  }

  function providerOf({ id, providerId }: ConfiguredChannel): Provider {
    const provider = parts.providers.find((one) => one.id === providerId);
    if (!provider) throw new Error(`channel ${id}: no provider ${providerId}`);
    return provider;
  }

  async function open(configured: ConfiguredChannel): Promise<CountedAdapter> {
    const provider = providerOf(configured);
    const credentials =
      configured.mode === 'live'
        ? configured.credentials
        : provider.configSchema.parse(await parts.sandboxes.connect(configured, parts.publicUrl()));
    const record: AdapterPorts['record'] = (exchange) => {
      adapterPorts.record(exchange);
      parts.onAnswer?.(configured.id, exchange);
    };
    return counted(provider.openAdapter(credentials, { ...adapterPorts, record }), now);
  }

  async function prepare(next: readonly ConfiguredChannel[]): Promise<Result<PreparedChannels, ChannelProblem>> {
    const opened = new Map<string, CountedAdapter>();
    const abandon = async (): Promise<void> => {
      for (const one of opened.values()) await dispose(one.adapter);
      opened.clear();
    };
    for (const configured of next) {
      const before = entries.get(configured.id);
      if (before && isSameAccess(before.configured, configured)) continue;
      try {
        const fresh = await open(configured);
        opened.set(configured.id, fresh);
        if (before && before.channel.adapter.account !== fresh.adapter.account) {
          await abandon();
          return err(problem(configured.id, OTHER_ACCOUNT));
        }
      } catch (cause) {
        await abandon();
        return err({ channelId: configured.id, message: whyNot(configured, cause), cause });
      }
    }
    return ok({ abandon, commit: () => commit(next, opened) });
  }

  function commit(next: readonly ConfiguredChannel[], opened: ReadonlyMap<string, CountedAdapter>): void {
    const at = now();
    const placed = new Map<string, Entry>();
    const leaving: Replaced[] = [];
    for (const configured of next) {
      const before = entries.get(configured.id);
      const adapter = opened.get(configured.id) ?? before?.counted;
      if (!adapter) throw new Error(`channel ${configured.id} was not prepared`);
      if (before && adapter !== before.counted) leaving.push({ counted: before.counted, at });
      const channel = channelOf(configured, providerOf(configured), adapter.adapter);
      placed.set(configured.id, { configured, channel, counted: adapter, removedAt: null });
    }
    for (const [id, entry] of entries) if (!placed.has(id)) placed.set(id, withdrawn(entry, at));
    replaced = [...replaced, ...leaving];
    put(placed);
    lookLater();
  }

  /** Closes what nobody needs any more. Runs only while there is something to wait for. */
  async function look(): Promise<void> {
    const at = now();
    const over = replaced.filter(({ counted: { underWay, usedAt }, at: replacedAt }) => {
      if (at - replacedAt >= REPLACED_MS_MAX) return true;
      // Whoever took it just before it was replaced may not have called it yet.
      return underWay() === 0 && at - Math.max(usedAt(), replacedAt) >= UNUSED_MS;
    });
    replaced = replaced.filter((one) => !over.includes(one));
    for (const one of over) await dispose(one.counted.adapter);
    // A clock that is set back must not put it off.
    if (at >= askedAt && at - askedAt < ASK_EVERY_MS) return;
    askedAt = at;
    for (const [id, entry] of entries) {
      if (entry.removedAt === null || at - entry.removedAt < REMOVED_MS_MIN || entry.counted.underWay() > 0) continue;
      const needing = await parts.needing(id).catch(() => null);
      // It may have come back into the configuration while the store was asked.
      if (needing !== 0 || entries.get(id) !== entry) continue;
      put(new Map([...entries].filter(([other]) => other !== id)));
      parts.onGone(id);
      await dispose(entry.counted.adapter);
      telemetry.info({ channelId: id }, 'removed channel closed');
    }
  }

  function lookLater(): void {
    const waiting = replaced.length > 0 || [...entries.values()].some(({ removedAt }) => removedAt !== null);
    if (looking || !waiting) return;
    looking = true;
    timer = setTimeout(() => {
      void look().finally(() => {
        looking = false;
        lookLater();
      });
    }, LOOK_EVERY_MS);
    timer.unref();
  }

  async function dispose(adapter: ChannelAdapter): Promise<void> {
    await adapter
      .dispose()
      .catch((thrown: unknown) => telemetry.warn({ err: thrown }, 'an adapter could not be closed'));
  }

  return {
    current: () => channels,
    prepare,
    close: async () => {
      clearTimeout(timer);
      looking = true;
      const open = [...[...entries.values()].map((entry) => entry.counted), ...replaced.map((one) => one.counted)];
      replaced = [];
      for (const { adapter } of open) await dispose(adapter);
    },
  };
}

const OTHER_ACCOUNT =
  'has the credentials of another account; give that account a channel of its own and set weight: 0 here, so that orders and refunds of this one go on';

/** A library's error may quote the credentials that it was given; of simulators the words are our own. */
function whyNot({ mode }: ConfiguredChannel, cause: unknown): string {
  if (mode === 'sandbox' && cause instanceof Error) return `has no simulator: ${cause.message}`;
  return 'could not be opened with these credentials';
}

function problem(channelId: string, message: string): ChannelProblem {
  return { channelId, message, cause: new Error(`channel ${channelId} ${message}`) };
}

/** The adapter that is open can serve the other configuration too. */
function isSameAccess(a: ConfiguredChannel, b: ConfiguredChannel): boolean {
  if (a.providerId !== b.providerId || a.mode !== b.mode) return false;
  return a.mode === 'sandbox' || isDeepStrictEqual(a.credentials, b.credentials);
}

/** Nothing new comes to it; what is open is served as before. */
function withdrawn(entry: Entry, at: number): Entry {
  const { channel, removedAt } = entry;
  if (removedAt !== null) return entry;
  return { ...entry, channel: { ...channel, profile: { ...channel.profile, enabled: false } }, removedAt: at };
}

function channelOf(configured: ConfiguredChannel, provider: Provider, adapter: ChannelAdapter): Channel {
  const { id, providerId, mode, profile, timeouts, breaker, queriesPerSecond } = configured;
  const { capabilities = provider.capabilities } = adapter;
  const { callbackUrl } = provider;
  return { id, providerId, mode, capabilities, callbackUrl, adapter, profile, timeouts, breaker, queriesPerSecond };
}
