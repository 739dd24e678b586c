import type { Provider } from '../contract.ts';
import { openChannel, type SandboxChannel } from './channel.ts';
import { openControl, type SandboxControl } from './control.ts';
import { serveControl } from './control-http.ts';
import { type ListenerOptions, openListener } from './listener.ts';
import { serveProvider } from './pipeline.ts';
import { answerJson, splitTarget } from './wire.ts';

export interface SandboxHostOptions {
  /** Loopback: the control API asks for no password. */
  readonly host: '127.0.0.1';
  /** 0 takes any free port. */
  readonly port: number;
  readonly channels: readonly { readonly id: string; readonly provider: Provider }[];
  /** For channels that are added later. */
  readonly providers?: readonly Provider[];
  /** The gateway's base URL, for callbacks to one URL per account and for its cashier. `setPublicUrl` overrides it. */
  readonly publicUrl: () => string;
  /** Where books and keys are kept across restarts; null keeps them in memory. */
  readonly dataDir: string | null;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** 0 (included) to 1 (excluded), for faults that strike at a rate. */
  readonly random: () => number;
  /** Multiplies the providers' waiting times between callbacks: 1 is real, 0.001 a thousand times faster. */
  readonly retryTimeFactor: number;
  /** A bug of a simulator or of the kit; whatever it was doing is given up. */
  readonly onError: (problem: {
    readonly channelId: string | null;
    readonly doing: string;
    readonly error: unknown;
  }) => void;
}

export interface SandboxHost {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly control: SandboxControl;
  /**
   * Opens a channel that is not there yet, with the books of an earlier time if there are any; changes nothing for one that is.
   * Throws when its provider is unknown, or another one than it has had.
   */
  add(channelId: string, providerId: string): Promise<void>;
  /** What a gateway has to be configured with to use this channel. Throws when the sandbox has no such channel. */
  credentials(channelId: string): unknown;
  /** For a gateway that learns its own port later than the sandbox starts. */
  setPublicUrl(url: string): void;
  /** Stops listening, hangs up, forgets undelivered callbacks. Settles when nothing is left running. */
  close(): Promise<void>;
}

/** Channels that are removed from a configuration stay, so they are counted here for ever. */
const CHANNELS_MAX = 200;

/** Serves the simulators of all given channels and the control API on one listener. */
export async function startSandboxHost(options: SandboxHostOptions): Promise<SandboxHost> {
  const closing = new AbortController();
  const channels = new Map<string, SandboxChannel>();
  /** The listener is there before the channels are. */
  const adder: Pick<SandboxHost, 'add'> = { add: async () => {} };
  const control = openControl({ channels, now: options.now, closing: closing.signal });
  const { url, close: hangUp } = await openListener({
    ...options,
    serve: serveWith({ channels, control, adder, random: options.random, closing: closing.signal }),
    onError: ({ url: target = '' }, error) =>
      options.onError({ channelId: splitTarget(target)?.channelId ?? null, doing: 'answer a request', error }),
  });
  let publicUrl = options.publicUrl;
  let closed: Promise<void> | null = null;
  const shutDown = async (): Promise<void> => {
    closing.abort();
    await hangUp();
    await Promise.all([...channels.values()].map((channel) => channel.close()));
  };
  const close = (): Promise<void> => {
    closed ??= shutDown();
    return closed;
  };

  const open = (id: string, provider: Provider): Promise<SandboxChannel> =>
    openChannel(id, provider, {
      ...options,
      baseUrl: () => `${url}/${id}`,
      defaultPublicUrl: () => publicUrl(),
      onError: (doing: string, error: unknown) => options.onError({ channelId: id, doing, error }),
    });

  try {
    for (const { id, provider } of options.channels) {
      if (channels.has(id)) throw new Error(`sandbox: channel ${id} is given twice`);
      channels.set(id, await open(id, provider));
    }
  } catch (error) {
    await close();
    throw error;
  }

  let adding: Promise<unknown> = Promise.resolve();
  const addInTurn = async (id: string, providerId: string): Promise<void> => {
    const known = channels.get(id);
    if (known && known.providerId !== providerId) {
      throw new Error(`sandbox: channel ${id} has books of ${known.providerId}; take another name`);
    }
    if (known) return;
    const provider = options.providers?.find((one) => one.id === providerId);
    if (!provider) throw new Error(`sandbox: no provider ${providerId}`);
    if (channels.size >= CHANNELS_MAX) throw new Error(`sandbox: more than ${CHANNELS_MAX} channels`);
    if (closed) throw new Error('sandbox: is closing');
    channels.set(id, await open(id, provider));
  };
  adder.add = (id, providerId) => {
    const added = adding.then(() => addInTurn(id, providerId));
    adding = added.catch(() => {});
    return added;
  };

  return {
    url,
    control,
    add: adder.add,
    credentials(channelId) {
      const channel = channels.get(channelId);
      if (channel === undefined) throw new Error(`sandbox: no channel ${channelId}`);
      return channel.simulator.credentials();
    },
    setPublicUrl(next) {
      publicUrl = () => next;
      for (const channel of channels.values()) channel.connect(null);
    },
    close,
  };
}

function serveWith(ports: {
  readonly channels: ReadonlyMap<string, SandboxChannel>;
  readonly control: SandboxControl;
  readonly adder: Pick<SandboxHost, 'add'>;
  readonly random: () => number;
  readonly closing: AbortSignal;
}): ListenerOptions['serve'] {
  const { channels, control, adder } = ports;
  const payByItself = async (channel: SandboxChannel, providerRef: string): Promise<void> => {
    await control.pay(channel.id, { providerRef });
  };
  return async (incoming, response) => {
    const channelId = splitTarget(incoming.url ?? '')?.channelId;
    if (channelId === '_control') {
      return serveControl(incoming, response, { control, channels, add: (id, provider) => adder.add(id, provider) });
    }
    const channel = channels.get(channelId ?? '');
    if (channel !== undefined) return serveProvider(channel, incoming, response, { ...ports, payByItself });
    answerJson(response, 404, { title: 'not found', status: 404, detail: 'no such channel in this sandbox' });
  };
}
