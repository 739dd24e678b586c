import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { aProviderRef, type Stage, startStage, toyCredentials } from './stage.ts';
import { toy } from './toy/provider.ts';

/** A cashier whose pay button leads to the given place. */
async function startCashier(leadsTo: (paymentId: string) => string): Promise<string> {
  const server = createServer((incoming, response) => {
    const paymentId = /^\/pay\/(pay_\w{26})\/go$/.exec(incoming.url ?? '')?.[1];
    if (paymentId === undefined) response.writeHead(404).end();
    else response.writeHead(302, { location: leadsTo(paymentId) }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the cashier has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** The URL of a page payment: made offline, so that the simulator has not heard of it. */
async function aPageUrl({ host, receiver }: Stage, providerRef: string): Promise<string> {
  const adapter = toy.openAdapter(toyCredentials(host), { now: Date.now, randomBytes, record: () => {} });
  const created = await adapter.create(
    {
      providerRef,
      amount: { minor: 1000, currency: 'CNY' },
      method: 'toy',
      scene: 'redirect',
      subject: 'A key',
      expiresAt: Date.now() + 900_000,
      callbackUrl: `${receiver.url}/callbacks/toy-a/token`,
      returnUrl: receiver.url,
      buyer: { ip: null },
    },
    AbortSignal.timeout(5_000),
  );
  await adapter.dispose();
  if (!created.ok || created.value.action.type !== 'redirect') throw new Error('a redirect was expected');
  return created.value.action.url;
}

test('pay opens the payment through the cashier when no buyer has, and then pays', async () => {
  const stage = await startStage();
  const providerRef = aProviderRef();
  const page = await aPageUrl(stage, providerRef);
  const asked: string[] = [];
  const cashier = await startCashier((paymentId) => {
    asked.push(paymentId);
    return page;
  });
  stage.host.setPublicUrl(`${cashier}/`);
  const paid = await stage.host.control.pay('toy-a', { providerRef });
  expect(paid).toMatchObject({ ok: true, value: { providerRef, status: 'paid' } });
  expect(asked).toEqual([`pay_${providerRef.slice(0, 26)}`]);
  await expect.poll(() => stage.callbacksOf(providerRef)).toMatchObject([{ state: 'paid' }]);
});

test('a gateway that has connected is asked before the one that the host was told of', async () => {
  const stage = await startStage();
  const providerRef = aProviderRef();
  const page = await aPageUrl(stage, providerRef);
  const cashier = await startCashier(() => page);
  await stage.control('POST', '/toy-a/connect', { public_url: cashier });
  expect(await stage.host.control.pay('toy-a', { providerRef })).toMatchObject({ ok: true });
});

test("a button that leads anywhere but to this channel's pages is not followed", async () => {
  const stage = await startStage({ channels: ['toy-a', 'toy-b'].map((id) => ({ id, provider: toy })) });
  const providerRef = aProviderRef();
  const page = await aPageUrl(stage, providerRef);
  const elsewhere = [
    page.replace('/toy-a/', '/toy-b/'),
    page.replace('127.0.0.1', 'localhost'),
    'javascript:alert(1)',
    '',
  ];
  for (const place of elsewhere) {
    stage.host.setPublicUrl(await startCashier(() => place));
    expect(await stage.host.control.pay('toy-a', { providerRef })).toMatchObject({ error: { status: 404 } });
  }
  expect(stage.host.control.orders('toy-a')).toEqual({ ok: true, value: [] });
});

test('a buyer in a browser opens the page, and the order exists', async () => {
  const stage = await startStage();
  const providerRef = aProviderRef();
  const page = await aPageUrl(stage, providerRef);
  expect((await fetch(page)).status).toBe(200);
  expect(stage.host.control.orders('toy-a', providerRef)).toMatchObject({ value: [{ status: 'open' }] });
  expect(await stage.host.control.pay('toy-a', { providerRef })).toMatchObject({ ok: true });
});
