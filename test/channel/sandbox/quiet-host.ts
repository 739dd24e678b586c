import { randomBytes } from 'node:crypto';
import type { SandboxHostOptions } from '../../../src/channel/sandbox/index.ts';
import { toy } from './toy/provider.ts';

/** A host with one channel `toy-a` on a free port, nothing kept, and real waiting times. */
export function quietHost(): SandboxHostOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: 'toy-a', provider: toy }],
    publicUrl: () => '',
    dataDir: null,
    now: Date.now,
    randomBytes,
    random: Math.random,
    retryTimeFactor: 1,
    onError: () => {},
  };
}
