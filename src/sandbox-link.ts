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
  /** Made-up credentials of a sandbox channel. `publicUrl` tells its simulator where the gateway is. */
  connect(channelId: string, publicUrl: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Between two tries to connect to a sandbox process, which may have been started at the same time as the gateway. */
const CONNECT_PAUSE_MS = 250;
const CONNECT_TIMEOUT_MS = 3_000;

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
    connect: async (channelId, publicUrl) => {
      host.setPublicUrl(publicUrl);
      return host.credentials(channelId);
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
export function remoteSandbox(url: string): SandboxLink {
  return {
    url,
    connect: async (channelId, publicUrl) => {
      for (let tries = 1; ; tries += 1) {
        const connected = await connectOnce(`${url}/_control/channels/${channelId}/connect`, publicUrl);
        if (connected.ok) return connected.value;
        const { triesMax, what } = MISSES[connected.error];
        if (tries >= triesMax) throw new Error(what(url, channelId));
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

async function connectOnce(target: string, publicUrl: string): Promise<Result<unknown, keyof typeof MISSES>> {
  try {
    const response = await request(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ public_url: publicUrl }),
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    const body: unknown = await response.body.json();
    return response.statusCode === 404 ? err('channel') : ok(connectedSchema.parse(body).credentials);
  } catch {
    return err('answer');
  }
}
