import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { startWechatPaySandbox } from '../../../channels/wechatpay/sandbox/index.ts';
import type { Settings } from '../../../channels/wechatpay/sandbox/settings.ts';
import type { ChannelAdapter, CreateRequest, OrderRef, Provider } from '../../../src/channel/index.ts';
import { type FaultsPatch, type SandboxHost, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { newId, type Observation, providerRefOf } from '../../../src/payment/index.ts';
import { type CallbackReceiver, startCallbackReceiver } from '../../contract/callback-receiver.ts';

const CHANNEL = 'wechatpay-main';

/** The simulator, an adapter that talks to it, and a receiver of its callbacks. */
export interface Stage {
  readonly host: SandboxHost;
  readonly adapter: ChannelAdapter;
  readonly receiver: CallbackReceiver;
  readonly base: string;
  /** Moves the adapter's clock alone. */
  skewAdapter(ms: number): void;
  /** Moves the clock of both sides. */
  advance(ms: number): void;
  anOrder(set?: Partial<CreateRequest>): CreateRequest;
  refOf(request: CreateRequest): OrderRef;
  faults(patch: FaultsPatch): void;
  /** The simulator's own settings, see its settings.ts. */
  settings(wishes: Record<string, unknown>): Promise<void>;
  pay(request: CreateRequest): Promise<void>;
  /** Another adapter with these credentials on top of the sandbox's. */
  openAdapter(set?: Record<string, unknown>): ChannelAdapter;
}

/** Made once per file, since RSA keys take their time. */
let keptKeys: unknown = null;

export async function startStage(initial: Partial<Settings> = {}): Promise<Stage> {
  let skewMs = 0;
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const receiver = await startCallbackReceiver(now);
  onTestFinished(() => receiver.close());
  receiver.answerWith(() => ({ status: 500, contentType: 'text/plain', body: 'later' }));
  const simulated: Provider = {
    ...provider,
    openSandbox: async (options) => {
      const simulator = await startWechatPaySandbox({ ...options, savedKeys: keptKeys }, initial);
      keptKeys = simulator.keys();
      return simulator;
    },
  };
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    channels: [{ id: CHANNEL, provider: simulated }],
    publicUrl: () => receiver.url,
    dataDir: null,
    now,
    randomBytes,
    random: () => 0,
    retryTimeFactor: 0.001,
    onError: (problem) => {
      throw problem.error;
    },
  });
  onTestFinished(() => host.close());
  const openAdapter = (set: Record<string, unknown> = {}) => {
    const config = provider.configSchema.parse({ ...Object(host.credentials(CHANNEL)), ...set });
    const adapter = provider.openAdapter(config, { now: () => now() + skewMs, randomBytes });
    onTestFinished(() => adapter.dispose());
    return adapter;
  };
  const base = `${host.url}/${CHANNEL}`;
  return {
    host,
    adapter: openAdapter(),
    receiver,
    base,
    skewAdapter(ms) {
      skewMs = ms;
    },
    advance(ms) {
      aheadMs += ms;
    },
    anOrder: (set = {}) => ({
      providerRef: providerRefOf(newId('pay', now(), randomBytes), 1),
      amount: { minor: 1050, currency: 'CNY' },
      method: 'wechatpay',
      scene: 'qr',
      subject: '月度会员 & "quotes"',
      expiresAt: now() + 900_000,
      callbackUrl: `${receiver.url}/callbacks/${CHANNEL}/${Buffer.from(randomBytes(16)).toString('hex')}`,
      returnUrl: 'https://shop.example/pay/back?order=1&a=b',
      buyer: { ip: '203.0.113.7' },
      ...set,
    }),
    refOf: ({ providerRef, amount }) => ({ providerRef, amount, channelTradeNo: null }),
    faults(patch) {
      const done = host.control.faults(CHANNEL, patch);
      if (!done.ok) throw new Error(done.error.detail);
    },
    async settings(wishes) {
      const answer = await fetch(`${base}/_sandbox`, { method: 'POST', body: JSON.stringify(wishes) });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`the simulator refused ${JSON.stringify(wishes)}`);
    },
    async pay({ providerRef }) {
      const done = await host.control.pay(CHANNEL, { providerRef });
      if (!done.ok) throw new Error(done.error.detail);
    },
    openAdapter,
  };
}

export const soon = () => AbortSignal.timeout(5_000);

/** Looks again until there is something; gives up with the test's own time limit. */
export async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const nothingKnown: Omit<Observation, 'state'> = {
  account: null,
  amount: null,
  channelTradeNo: null,
  paidAt: null,
  error: null,
};
