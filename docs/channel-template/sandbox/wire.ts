import { createHmac, timingSafeEqual } from 'node:crypto';
import type {
  CallbackDelivery,
  Order,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../src/channel/sandbox/index.ts';

/** Their schedule: how long they wait before each repetition of a callback. */
const RETRY_AFTER_MS = [15_000, 60_000, 600_000, 3_600_000];
const CALLBACK_TIMEOUT_MS = 5_000;

export interface Sim {
  readonly options: SimulatorOptions;
  readonly keys: { readonly account: string; readonly secret: string };
}

/** A signed answer, or what the channel's faults make of its signature. */
export function answer({ options, keys }: Sim, status: number, value: Record<string, unknown>): WireAnswer {
  const fault = options.faults().answer;
  const body = JSON.stringify(value);
  const time = options.now() - (fault === 'stale' ? 3_600_000 : 0);
  const headers = signed(fault === 'wrong_key' ? 'somebody else' : keys.secret, time, 'answer', body);
  return { status, headers: { 'content-type': 'application/json', ...(fault === 'unsigned' ? {} : headers) }, body };
}

/** A callback about an order, or about a refund of it. `show` is asked anew for each delivery. */
export function callBack(
  sim: Sim,
  about: {
    readonly order: Order;
    readonly url: string;
    readonly show: (fenTooMuch: number) => Record<string, unknown>;
  },
  delivery: CallbackDelivery,
): void {
  const { courier, now } = sim.options;
  courier.send(
    {
      providerRef: about.order.providerRef,
      url: about.url,
      build({ wrongAmount, wrongSignature }) {
        const body = JSON.stringify(about.show(wrongAmount ? 1 : 0));
        const headers = signed(wrongSignature ? 'somebody else' : sim.keys.secret, now(), 'callback', body);
        return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
      },
      isAcknowledged: (status, body) => status === 200 && body === 'DONE',
      retryAfterMs: RETRY_AFTER_MS,
      timeoutMs: CALLBACK_TIMEOUT_MS,
    },
    delivery,
  );
}

export function isGenuine({ keys }: Sim, { method, target, headers, body }: WireRequest): boolean {
  const { 'ex-account': account, 'ex-time': time, 'ex-sign': sign } = headers;
  const right = signed(keys.secret, Number(time), `${method} ${target}`, body.toString('utf8'))['ex-sign'] ?? '';
  const [given, expected] = [Buffer.from(String(sign)), Buffer.from(right)];
  return account === keys.account && given.length === expected.length && timingSafeEqual(given, expected);
}

function signed(secret: string, timeMs: number, said: string, body: string): Record<string, string> {
  const sign = createHmac('sha256', secret).update([timeMs, said, body].join('\n')).digest('hex');
  return { 'ex-time': String(timeMs), 'ex-sign': sign };
}
