import type { CallbackDelivery, Order, SimulatorOptions, WireAnswer } from '../../../../src/channel/sandbox/index.ts';
import { toySign } from './sign.ts';

/** The toy's schedule; tests run it a thousand times faster. */
export const TOY_RETRIES_MS = [10_000, 20_000, 40_000, 80_000];
const CALLBACK_TIMEOUT_MS = 2_000;

export interface Toy {
  readonly options: SimulatorOptions;
  readonly keys: { readonly merchant: string; readonly secret: string };
}

/** A signed answer, or what the fault `answer` makes of its signature. */
export function answer(toy: Toy, status: number, value: Record<string, unknown>): WireAnswer {
  const fault = toy.options.faults().answer;
  const body = JSON.stringify(value);
  const time = toy.options.now() - (fault === 'stale' ? 3_600_000 : 0);
  const secret = fault === 'wrong_key' ? 'somebody else' : toy.keys.secret;
  const signed = { 'toy-time': String(time), 'toy-sign': toySign(secret, time, 'answer', body) };
  const headers = { 'content-type': 'application/json', ...(fault === 'unsigned' ? {} : signed) };
  return { status, headers, body };
}

/** Tells the gateway what is shown, at the URL that came with the order. */
export function callBack(toy: Toy, order: Order, shown: Record<string, unknown>, delivery: CallbackDelivery): void {
  const { courier, now } = toy.options;
  courier.send(
    {
      providerRef: order.providerRef,
      url: String(order.detail.notifyUrl),
      build({ wrongAmount, wrongSignature }) {
        const body = JSON.stringify(wrongAmount ? { ...shown, amount: Number(shown.amount) + 1 } : shown);
        const time = now();
        const sign = toySign(wrongSignature ? 'somebody else' : toy.keys.secret, time, 'callback', body);
        const headers = { 'content-type': 'application/json', 'toy-time': String(time), 'toy-sign': sign };
        return { method: 'POST', headers, body };
      },
      isAcknowledged: (status, body) => status === 200 && body === 'OK',
      retryAfterMs: TOY_RETRIES_MS,
      timeoutMs: CALLBACK_TIMEOUT_MS,
    },
    delivery,
  );
}
