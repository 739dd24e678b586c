import { createHash, randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type SandboxHost, type SandboxHostOptions, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { newId, providerRefOf } from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';
import { quietHost } from './quiet-host.ts';
import { toy } from './toy/provider.ts';
import { toySign } from './toy/sign.ts';

export const OK_ANSWER = { status: 200, contentType: 'text/plain', body: 'OK' };
export const REFUSAL = { status: 500, contentType: 'text/plain', body: 'later' };

/** A sandbox with one toy channel `toy-a`, and a receiver that acknowledges whatever the toy calls back. */
export interface Stage {
  readonly host: SandboxHost;
  readonly receiver: CallbackReceiver;
  readonly problems: unknown[];
  /** A signed request to `toy-a`. */
  ask(method: 'GET' | 'POST', path: string, value?: unknown, signal?: AbortSignal): Promise<Response>;
  /** `POST /orders` with a new providerRef, which is returned. */
  createOrder(providerRef?: string): Promise<string>;
  /** A control call; answers status and JSON. */
  control(method: 'GET' | 'POST', path: string, value?: unknown): Promise<{ status: number; body: unknown }>;
  /** Callbacks that have arrived for an order. */
  callbacksOf(providerRef: string): readonly Record<string, unknown>[];
}

export async function startStage(set: Partial<SandboxHostOptions> = {}): Promise<Stage> {
  const receiver = await startCallbackReceiver(Date.now);
  onTestFinished(() => receiver.close());
  receiver.answerWith(() => OK_ANSWER);
  const problems: unknown[] = [];
  const host = await startSandboxHost({
    ...quietHost(),
    publicUrl: () => receiver.url,
    retryTimeFactor: 0.001,
    onError: (problem) => problems.push(problem),
    ...set,
  });
  onTestFinished(() => host.close());
  const stage: Stage = {
    host,
    receiver,
    problems,
    async ask(method, path, value, signal) {
      const { merchant, secret } = toyCredentials(host);
      const body = value === undefined ? '' : JSON.stringify(value);
      const target = `/toy-a${path}`;
      const time = Date.now();
      const sign = toySign(secret, time, `${method} ${target}`, body);
      return fetch(`${host.url}${target}`, {
        method,
        headers: { 'toy-merchant': merchant, 'toy-time': String(time), 'toy-sign': sign },
        ...(method === 'POST' ? { body } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async createOrder(providerRef = aProviderRef()) {
      const answer = await stage.ask('POST', '/orders', anOrder(receiver, providerRef));
      await answer.arrayBuffer();
      return providerRef;
    },
    async control(method, path, value) {
      const body = value === undefined ? {} : { body: typeof value === 'string' ? value : JSON.stringify(value) };
      const answer = await fetch(`${host.url}/_control/channels${path}`, { method, ...body });
      return { status: answer.status, body: await answer.json() };
    },
    callbacksOf: (providerRef) =>
      receiver.received
        .map(({ body }) => JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>)
        .filter(({ ref }) => ref === providerRef),
  };
  return stage;
}

export function anOrder(receiver: CallbackReceiver, providerRef: string): Record<string, unknown> {
  const notify_url = `${receiver.url}/callbacks/toy-a/${providerRef}`;
  return { ref: providerRef, amount: 1000, currency: 'CNY', expires_at: Date.now() + 900_000, notify_url };
}

export function aProviderRef(): string {
  return providerRefOf(newId('pay', Date.now(), randomBytes), 1);
}

export function toyCredentials(host: SandboxHost): { base_url: string; merchant: string; secret: string } {
  return toy.configSchema.parse(host.credentials('toy-a'));
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: string): () => number {
  let n = 0;
  return () => createHash('sha256').update(`${seed}:${n++}`).digest().readUInt32BE(0) / 2 ** 32;
}
