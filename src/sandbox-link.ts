import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { PROVIDERS } from '../channels/index.ts';
import { type SandboxHost, startSandboxHost } from './channel/sandbox/index.ts';
import type { ConfiguredChannel, Environment } from './config/index.ts';
import type { Telemetry } from './gateway/index.ts';
import { err, ok, type Result } from './payment/index.ts';

/** Where the simulators are: in this process, or in one of their own (SANDBOX_URL). */
export interface SandboxLink {
  readonly url: string;
  /**
   * Made-up credentials of a sandbox channel. `publicUrl` tells its simulator where the gateway is. A channel that the simulators
   * do not have yet is added to them when the gateway runs already.
   */
  connect(channel: SandboxSubject, publicUrl: string): Promise<unknown>;
  close(): Promise<void>;
}

type SandboxSubject = Pick<ConfiguredChannel, 'id' | 'providerId'>;

/** The simulators as a gateway sees them: there from the first sandbox channel on. */
export interface Sandboxes extends Pick<SandboxLink, 'connect' | 'close'> {
  /** Null while no channel has needed them. */
  url(): string | null;
  /** From now on channels may be added to simulators that run; before, a channel that they lack is a mistake of the start. */
  started(): void;
}

/** Starts or finds the simulators when the first channel asks for them. */
export function lazySandboxes(
  environment: Environment,
  ports: Parameters<typeof startOwnSandbox>[2],
  first: readonly ConfiguredChannel[],
): Sandboxes {
  let link: Promise<SandboxLink> | null = null;
  let opened: SandboxLink | null = null;
  let mayAdd = false;
  const open = async (): Promise<SandboxLink> => {
    opened =
      environment.sandboxUrl === null
        ? await startOwnSandbox(environment, first, ports)
        : remoteSandbox(environment.sandboxUrl, () => mayAdd);
    return opened;
  };
  return {
    url: () => opened?.url ?? null,
    connect: async (channel, publicUrl) => {
      link ??= open().catch((thrown: unknown) => {
        link = null;
        throw thrown;
      });
      return (await link).connect(channel, publicUrl);
    },
    started: () => {
      mayAdd = true;
    },
    close: async () => {
      await (await link)?.close();
    },
  };
}

/** Between two tries to connect to a sandbox process, which may have been started at the same time as the gateway. */
const CONNECT_PAUSE_MS = 250;
const CONNECT_TIMEOUT_MS = 3_000;
const RUNNING_TRIES_MAX = 2;

const refusedSchema = z.object({ detail: z.string().max(500) });
const connectedSchema = z.object({ base_url: z.string(), credentials: z.unknown() });

/** Simulators in this process, with their books beside the gateway's data, so that both survive a restart together. */
export async function startOwnSandbox(
  environment: Environment,
  channels: readonly ConfiguredChannel[],
  ports: { randomBytes: (size: number) => Uint8Array; random: () => number; now: () => number; telemetry: Telemetry },
  dataDir: string | null = environment.sandboxDataDir ?? join(environment.dataDir, 'sandbox'),
): Promise<SandboxLink & { readonly host: SandboxHost }> {
  const { sandboxPort: port } = environment;
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port,
    channels: channels.flatMap(({ id, providerId, mode }) => {
      const provider = PROVIDERS.find((p) => p.id === providerId);
      return mode === 'sandbox' && provider ? [{ id, provider }] : [];
    }),
    providers: PROVIDERS,
    publicUrl: () => environment.publicUrl ?? `http://${environment.host}:${environment.port}`,
    dataDir,
    now: ports.now,
    randomBytes: ports.randomBytes,
    random: ports.random,
    retryTimeFactor: 1 / environment.sandboxTimeFactor,
    onError: ({ channelId, doing, error }) =>
      ports.telemetry.error({ channelId, doing, err: error }, 'sandbox problem'),
  }).catch((thrown: unknown) => {
    throw explained(thrown, port);
  });
  return {
    host,
    url: host.url,
    connect: async ({ id, providerId }, publicUrl) => {
      await host.add(id, providerId);
      host.setPublicUrl(publicUrl);
      return host.credentials(id);
    },
    close: () => host.close(),
  };
}

/** A port that cannot be had, in an operator's words; other errors pass as they are. */
function explained(thrown: unknown, port: number): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
  if (code === 'EADDRINUSE') return new Error(`port ${port} is in use; set SANDBOX_PORT`, { cause: thrown });
  if (code !== 'EACCES') return thrown;
  const message = `port ${port} may not be opened by this user; set SANDBOX_PORT to one above 1023`;
  return new Error(message, { cause: thrown });
}

/** Simulators in another process, asked over the sandbox's control API. */
function remoteSandbox(url: string, mayAdd: () => boolean): SandboxLink {
  return {
    url,
    connect: async ({ id: channelId, providerId: provider }, publicUrl) => {
      for (let tries = 1; ; tries += 1) {
        const wanted = { public_url: publicUrl, ...(mayAdd() ? { provider } : {}) };
        const connected = await connectOnce(`${url}/_control/channels/${channelId}/connect`, wanted);
        if (connected.ok) return connected.value;
        const { triesMax, what } = MISSES[connected.error];
        // A gateway that runs waits for nobody: its configuration stays as it is, and is read again when somebody asks.
        if (tries >= (mayAdd() ? RUNNING_TRIES_MAX : triesMax)) throw new Error(what(url, channelId));
        await pause(CONNECT_PAUSE_MS);
      }
    },
    close: async () => {},
  };
}

/** What a sandbox that has just been started may still lack; how often it is asked again, and what is said in the end. */
const MISSES = {
  answer: { triesMax: 40, what: (url: string) => `no sandbox answers at SANDBOX_URL ${url}; start it` },
  channel: {
    triesMax: 20,
    what: (url: string, channelId: string) =>
      `the sandbox at ${url} has no channel ${channelId}; start it with the same configuration`,
  },
} as const;

async function connectOnce(
  target: string,
  wanted: { readonly public_url: string; readonly provider?: string },
): Promise<Result<unknown, keyof typeof MISSES>> {
  let refusal: string;
  try {
    const response = await request(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wanted),
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    const body: unknown = await response.body.json();
    if (response.statusCode === 404) return err('channel');
    if (response.statusCode !== 409) return ok(connectedSchema.parse(body).credentials);
    refusal = refusedSchema.parse(body).detail;
  } catch {
    return err('answer');
  }
  throw new Error(refusal);
}
