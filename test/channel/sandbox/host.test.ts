import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startSandboxHost } from '../../../src/channel/sandbox/index.ts';
import { quietHost } from './quiet-host.ts';
import { aProviderRef, startStage, toyCredentials } from './stage.ts';
import { toy } from './toy/provider.ts';

test('a simulator is served below its channel id with the credentials that the host tells', async () => {
  const { host, ask, createOrder } = await startStage();
  expect(toyCredentials(host).base_url).toBe(`${host.url}/toy-a`);
  const providerRef = await createOrder();
  const answer = await ask('GET', `/orders/${providerRef}`);
  expect(await answer.json()).toMatchObject({ ref: providerRef, state: 'open', amount: 1000 });
});

test('paths outside every channel are not found', async () => {
  const { host } = await startStage();
  for (const path of ['/', '/nobody/orders', '/toy-b', '/toy-a%2forders']) {
    expect((await fetch(`${host.url}${path}`)).status).toBe(404);
  }
});

test('a body above one mebibyte is refused before the simulator sees it', async () => {
  const { host, problems } = await startStage();
  const post = (bytes: number) => fetch(`${host.url}/toy-a/orders`, { method: 'POST', body: 'x'.repeat(bytes) });
  expect((await post(1024 * 1024)).status).toBe(401);
  expect((await post(1024 * 1024 + 1)).status).toBe(413);
  expect(problems).toEqual([]);
});

test('a bug in a simulator is answered with 500 and reported, and the next request is served', async () => {
  const { ask, problems, createOrder } = await startStage();
  const answer = await ask('POST', '/orders');
  expect(answer.status).toBe(500);
  expect(problems).toMatchObject([{ channelId: 'toy-a', doing: 'answer a request', error: expect.any(SyntaxError) }]);
  await createOrder();
});

test('an order made by two requests at once stays one order', async () => {
  const { host, createOrder } = await startStage();
  const providerRef = aProviderRef();
  await Promise.all([createOrder(providerRef), createOrder(providerRef)]);
  const orders = host.control.orders('toy-a');
  expect(orders.ok && orders.value.map((order) => order.providerRef)).toEqual([providerRef]);
});

test('channels of one host do not see each other', async () => {
  const stage = await startStage({ channels: ['toy-a', 'toy-b'].map((id) => ({ id, provider: toy })) });
  const providerRef = await stage.createOrder();
  expect(stage.host.control.orders('toy-b', providerRef)).toEqual({ ok: true, value: [] });
  expect(stage.host.credentials('toy-b')).not.toEqual(stage.host.credentials('toy-a'));
  expect(await stage.host.control.pay('toy-b', { providerRef })).toMatchObject({ ok: false, error: { status: 404 } });
});

test.each([
  ['an id that is no file name', [{ id: '../x', provider: toy }]],
  ['an id that hides the control API', [{ id: '_control', provider: toy }]],
  ['the same id twice', [1, 2].map(() => ({ id: 'toy-a', provider: toy }))],
])('a host does not start with %s', async (_, channels) => {
  await expect(startSandboxHost({ ...quietHost(), channels })).rejects.toThrow(/^sandbox: /);
});

test('close leaves nothing behind, whatever is under way: the process ends by itself', async () => {
  const program = join(import.meta.dirname, 'close-program.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 15_000 });
  expect(stdout).toBe('closed');
});

test('a channel that is added later is served like the others; added again, nothing changes', async () => {
  const { host, control } = await startStage({ providers: [toy] });
  const before = await control('POST', '/toy-late/connect', { public_url: 'http://127.0.0.1:1' });
  expect(before.status).toBe(404);
  await host.add('toy-late', toy.id);
  const credentials = host.credentials('toy-late');
  await host.add('toy-late', toy.id);
  expect(host.credentials('toy-late')).toEqual(credentials);
  const over = await control('POST', '/toy-more/connect', { public_url: 'http://127.0.0.1:1', provider: toy.id });
  expect(over).toMatchObject({ status: 200, body: { base_url: `${host.url}/toy-more` } });
  await expect(host.add('toy-other', 'nobody')).rejects.toThrow('sandbox: no provider nobody');
  const refused = await control('POST', '/toy-late/connect', { public_url: 'http://127.0.0.1:1', provider: 'nobody' });
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('has books of') } });
});
