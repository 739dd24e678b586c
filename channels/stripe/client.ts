import { AsyncLocalStorage } from 'node:async_hooks';
import Stripe from 'stripe';
import type { z } from 'zod';
import type { AdapterPorts, ChannelError } from '../../src/channel/index.ts';
import { err, ok, type Result } from '../../src/payment/index.ts';
import { baseUrlOf, type StripeConfig } from './config.ts';
import { toChannelError, unreadable } from './errors.ts';
import { withoutSecrets } from './evidence.ts';
import { openTransport } from './transport.ts';

/** Pinned: another version changes the shape of what we read. The webhook endpoint should be set to the same one. */
const API_VERSION = '2026-10-28.endive';
/** A second fence behind the caller's signal. */
const TIMEOUT_MS = 60_000;

export interface StripeClient {
  /**
   * Asks Stripe once. An answer that does not fit `schema` is an unreadable one: something may have happened there.
   * The signal ends the call wherever it is.
   */
  ask<T>(
    schema: z.ZodType<T>,
    signal: AbortSignal,
    question: (stripe: Stripe) => Promise<unknown>,
  ): Promise<Result<T, ChannelError>>;
  close(): Promise<void>;
}

/**
 * The official SDK with everything turned off that acts by itself: its retries (the fetch client makes exactly one attempt,
 * the node client would repeat after a reset), its telemetry, its default time-out of 80 s.
 */
export function openClient(config: StripeConfig, record: AdapterPorts['record']): StripeClient {
  const transport = openTransport(baseUrlOf(config), (seen) => record(withoutSecrets(seen, config)));
  const signals = new AsyncLocalStorage<AbortSignal>();
  const fetchForCall: typeof fetch = (input, init) => {
    const signal = signals.getStore() ?? AbortSignal.timeout(TIMEOUT_MS);
    return transport.fetch(String(input), init ?? {}, signal);
  };
  const stripe = new Stripe(config.secret_key, {
    apiVersion: API_VERSION,
    httpClient: Stripe.createFetchHttpClient(fetchForCall),
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: TIMEOUT_MS,
  });
  return {
    async ask(schema, signal, question) {
      let answer: unknown;
      try {
        answer = await signals.run(signal, () => question(stripe));
      } catch (thrown) {
        return err(toChannelError(thrown));
      }
      const parsed = schema.safeParse(answer);
      return parsed.success ? ok(parsed.data) : err(unreadable('unmapped_code'));
    },
    close: () => transport.close(),
  };
}
