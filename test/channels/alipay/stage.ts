import { randomBytes } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import { provider } from '../../../channels/alipay/index.ts';
import type {
  ChannelAdapter,
  CreateRequest,
  OrderRef,
  RawCallback,
  RefundRequest,
  WireExchange,
} from '../../../src/channel/index.ts';
import { type SandboxHost, type SandboxHostOptions, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { money, newId, providerRefOf, refundRefOf } from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';

/** Long enough never to be the reason of anything on a busy machine. */
export const PATIENT_MS = 15_000;

/** A sandbox with the channel `alipay-main`, the adapter that talks to it, and a gateway that acknowledges every callback. */
export interface Stage {
  readonly host: SandboxHost;
  readonly adapter: ChannelAdapter;
  readonly receiver: CallbackReceiver;
  readonly credentials: Readonly<Record<string, string>>;
  /** A second adapter with other credentials, for example a foreign app id. */
  adapterWith(credentials: Readonly<Record<string, string>>): ChannelAdapter;
  /** Both sides' clock, which is the machine's until it is moved. */
  clock: { offsetMs: number };
  callbacksOf(request: CreateRequest): readonly RawCallback[];
  /** What the adapters have reported of their requests. */
  readonly recorded: readonly WireExchange[];
  /** Ends the sandbox before the test does. */
  stop(): Promise<void>;
}

export async function startStage(set: Partial<SandboxHostOptions> = {}): Promise<Stage> {
  const clock = { offsetMs: 0 };
  const now = () => Date.now() + clock.offsetMs;
  const receiver = await startCallbackReceiver(now);
  onTestFinished(() => receiver.close());
  receiver.answerWith(() => ({ status: 200, contentType: 'text/plain', body: 'success' }));
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: 'alipay-main', provider }],
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: () => 0.5,
    retryTimeFactor: 0.00001,
    onError: ({ error }) => {
      throw error;
    },
    ...set,
  });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= host.close();
    return stopped;
  };
  onTestFinished(stop);
  const credentials = host.credentials('alipay-main') as Record<string, string>;
  const recorded: WireExchange[] = [];
  const adapterWith = (other: Readonly<Record<string, string>>): ChannelAdapter => {
    const record = (exchange: WireExchange): void => void recorded.push(exchange);
    const adapter = provider.openAdapter(provider.configSchema.parse(other), { now, randomBytes, record });
    onTestFinished(() => adapter.dispose());
    return adapter;
  };
  return {
    host,
    stop,
    adapter: adapterWith(credentials),
    receiver,
    credentials,
    adapterWith,
    recorded,
    clock,
    callbacksOf: ({ callbackUrl }) => receiver.received.filter(({ target }) => callbackUrl.endsWith(target)),
  };
}

export function aRequest(stage: Pick<Stage, 'receiver'>, set: Partial<CreateRequest> = {}): CreateRequest {
  const providerRef = providerRefOf(newId('pay', Date.now(), randomBytes), 1);
  return {
    providerRef,
    amount: money(1050, 'CNY'),
    method: 'alipay',
    scene: 'qr',
    subject: '语雀空间 5% off',
    expiresAt: Date.now() + 900_000,
    callbackUrl: `${stage.receiver.url}/callbacks/alipay-main/${providerRef}-token`,
    returnUrl: `${stage.receiver.url}/pay/return`,
    buyer: { ip: null },
    ...set,
  };
}

export function refOf({ providerRef, amount }: CreateRequest): OrderRef {
  return { providerRef, channelTradeNo: null, amount };
}

/** The `seq`th refund of an order; all of it where nothing else is said. */
export function aRefund(request: CreateRequest, seq: number, set: Partial<RefundRequest> = {}): RefundRequest {
  return {
    order: refOf(request),
    refundRef: refundRefOf(request.providerRef, seq),
    amount: request.amount,
    channelRefundNo: null,
    reason: null,
    callbackUrl: request.callbackUrl,
    ...set,
  };
}

/** An order that its buyer has paid, and whose notice of that has arrived. */
export async function aPaidOrder(stage: Stage, set: Partial<CreateRequest> = {}): Promise<CreateRequest> {
  const request = aRequest(stage, set);
  const created = await stage.adapter.create(request, patient());
  if (!created.ok) throw new Error(`create failed: ${JSON.stringify(created.error)}`);
  const paid = await stage.host.control.pay('alipay-main', { providerRef: request.providerRef });
  if (!paid.ok) throw new Error(`the buyer could not pay: ${paid.error.detail}`);
  await expect.poll(() => stage.callbacksOf(request).length).toBe(1);
  return request;
}

export function patient(): AbortSignal {
  return AbortSignal.timeout(PATIENT_MS);
}
