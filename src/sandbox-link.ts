import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { PROVIDERS } from '../channels/index.ts';
import { type SandboxHost, startSandboxHost } from './channel/sandbox/index.ts';
import type { ConfiguredChannel, Environment } from './config/index.ts';
import type { Telemetry } from './gateway/index.ts';

/** Where the simulators are: in this process, or in one of their own (SANDBOX_URL). */
export interface SandboxLink {
  readonly url: string;
  /** Made-up credentials of a sandbox channel. `publicUrl` tells its simulator where the gateway is. */
  connect(channelId: string, publicUrl: string): Promise<unknown>;
  close(): Promise<void>;
}

/** A sandbox process that starts at the same time as the gateway is waited for this long. */
const CONNECT_TRIES = 40;
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
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: environment.sandboxPort,
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

/** Simulators in another process, asked over the sandbox's control API. */
export function remoteSandbox(url: string): SandboxLink {
  return {
    url,
    connect: async (channelId, publicUrl) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await connectOnce(`${url}/_control/channels/${channelId}/connect`, publicUrl);
        } catch (cause) {
          if (tries >= CONNECT_TRIES)
            throw new Error(`the sandbox at SANDBOX_URL has no channel ${channelId}`, { cause });
          await pause(CONNECT_PAUSE_MS);
        }
      }
    },
    close: async () => {},
  };
}

async function connectOnce(target: string, publicUrl: string): Promise<unknown> {
  const response = await request(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ public_url: publicUrl }),
    signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
  });
  const body: unknown = await response.body.json();
  return connectedSchema.parse(body).credentials;
}
