import { type FaultsPatch, startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { startCallbackReceiver } from '../../contract/callback-receiver.ts';
import { quietHost } from './quiet-host.ts';
import { toy } from './toy/provider.ts';
import { toySign } from './toy/sign.ts';

// Brings a sandbox into every state in which something waits, closes it, and has to end by itself: whatever is left behind
// (a timer, a socket, a listener) would keep this process alive.

const twice = [1, 2].map(() => ({ id: 'toy-a', provider: toy }));
await startSandboxHost({ ...quietHost(), channels: twice }).catch(() => {});

const receiver = await startCallbackReceiver(Date.now);
receiver.answerWith(() => new Promise(() => {}));
const host = await startSandboxHost({ ...quietHost(), publicUrl: () => receiver.url });
const { secret, merchant } = toy.configSchema.parse(host.credentials('toy-a'));

const create = async (providerRef: string): Promise<void> => {
  const order = {
    ref: providerRef,
    amount: 1,
    currency: 'CNY',
    expires_at: Date.now() + 60_000,
    notify_url: receiver.url,
  };
  const body = JSON.stringify(order);
  const time = Date.now();
  const sign = toySign(secret, time, 'POST /toy-a/orders', body);
  const headers = { 'toy-merchant': merchant, 'toy-time': String(time), 'toy-sign': sign };
  await fetch(`${host.url}/toy-a/orders`, { method: 'POST', headers, body }).catch(() => {});
};
const underWay = (providerRef: string, faults: FaultsPatch): void => {
  host.control.faults('toy-a', faults);
  void create(providerRef);
};
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const known = (providerRef: string): boolean => {
  const found = host.control.orders('toy-a', providerRef);
  return found.ok && found.value.length > 0;
};

for (const providerRef of ['unanswered', 'lost', 'held', 'later']) await create(providerRef);
await host.control.pay('toy-a', { providerRef: 'unanswered' });
await until(() => receiver.received.length > 0);
await host.control.pay('toy-a', { providerRef: 'later', delivery: { mode: 'delay', delayMs: 3_600_000 } });
host.control.faults('toy-a', { drop_callbacks: 1 });
await host.control.pay('toy-a', { providerRef: 'lost' });
host.control.faults('toy-a', { reorder: true });
await host.control.pay('toy-a', { providerRef: 'held' });
underWay('silent', { timeout_after_create_rate: 1 });
await until(() => known('silent'));
underWay('slow', { answer: 'slow_body' });
await until(() => known('slow'));
underWay('late', { latency_ms: 60_000 });
await (await fetch(`${host.url}/_control/channels`)).json();

await Promise.all([host.close(), host.close()]);
await receiver.close();
process.stdout.write('closed');
