import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';
import { ALIPAY, aTarget, expectPaid, success, type Target } from './targets.ts';

/** A server inside that must hear nothing. */
interface Inside {
  readonly port: number;
  readonly heard: string[];
  close(): Promise<void>;
}

async function openInside(): Promise<Inside> {
  const heard: string[] = [];
  const server: Server = createServer((request, response) => {
    heard.push(`${request.method} ${request.headers.host}${request.url}`);
    response.end('{}');
  });
  server.on('connection', () => heard.push('connection'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function paid(stage: Stage, set: Readonly<Record<string, unknown>>): Promise<Target> {
  const target = await aTarget(stage, ALIPAY, set);
  await expectPaid(stage, target, success(stage, target));
  return target;
}

async function eventOf(stage: Stage, { id }: Target) {
  const { body } = await stage.api('GET', '/v1/events?limit=100');
  return body.data.find((e: { payment_id: string }) => e.payment_id === id);
}

describe('row 15: with private addresses forbidden', () => {
  let stage: Stage;
  let inside: Inside;
  beforeAll(async () => {
    inside = await openInside();
    stage = await openStage({
      editConfig: (yaml) =>
        patient(yaml).replace('  # allow_private_addresses: false', '  allow_private_addresses: false'),
    });
  });
  afterAll(async () => {
    await stage.stop();
    await inside.close();
  });

  const HOSTS = [
    ...['127.0.0.1', '0.0.0.0', '127.255.255.254'],
    ...['localhost', 'LOCALHOST', 'localhost.', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]'],
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '198.18.0.1', '169.254.169.254'],
    ...[
      '[::ffff:169.254.169.254]',
      '[fd00:ec2::254]',
      '[fc00::1]',
      '[fe80::1]',
      '[ff02::1]',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...['192.0.2.1', '[2001:db8::1]', '240.0.0.1', '[64:ff9b:1::7f00:1]', '[2001::7f00:1]'],
  ];

  test.each(HOSTS)(
    'an event for http://%s is refused at the moment of sending, counted, and stays pending',
    async (host) => {
      const refused = 'switchyard_webhook_deliveries_total{outcome="refused"}';
      const before = await stage.metric(refused);
      inside.heard.length = 0;
      const target = await paid(stage, { notify_url: `http://${host}:${inside.port}/notify` });
      await eventually(async () => (await stage.metric(refused)) > before);
      const event = await eventually(async () => {
        const seen = await eventOf(stage, target);
        return seen.delivery.tries > 0 ? seen : undefined;
      });
      expect(event.delivery.state).toBe('pending');
      expect(inside.heard).toEqual([]);
    },
  );

  test.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'ftp://127.0.0.1/',
    'javascript:alert(1)',
    '//127.0.0.1/',
    'data:,x',
    // Addresses to some readers, names to others.
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://017700000001/',
    'http://0/',
  ])('a notify_url of %s is refused by the create', async (notify_url) => {
    const answer = await stage.api('POST', '/v1/payments', anOrder(stage, { notify_url }));
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'notify_url' }] } });
  });
});

describe('row 15: with plain http forbidden', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ editConfig: (yaml) => yaml.replace('# allow_http: false', 'allow_http: false') });
  });
  afterAll(() => stage.stop());

  test.each(['notify_url', 'return_url'])('an http %s is refused with its path, and nothing is made', async (path) => {
    const order = anOrder(stage, { notify_url: 'https://shop.example/notify', [path]: 'http://shop.example/x' });
    const answer = await stage.api('POST', '/v1/payments', order);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ path }] } });
    const { body } = await stage.api('GET', `/v1/payments?merchant_order_no=${order.merchant_order_no}`);
    expect(body.data).toEqual([]);
  });
});

describe("a shop's answer", () => {
  let stage: Stage;
  let inside: Inside;
  beforeAll(async () => {
    inside = await openInside();
    stage = await openStage({ editConfig: patient });
  });
  afterAll(async () => {
    await stage.stop();
    await inside.close();
  });

  test('row 15: that is a redirect is not followed, and is no acknowledgement', async () => {
    const location = `http://127.0.0.1:${inside.port}/metadata`;
    const shop = createServer((_, response) => response.writeHead(302, { location }).end());
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
    const target = await paid(stage, { notify_url: `http://127.0.0.1:${(shop.address() as AddressInfo).port}/` });
    const event = await eventually(async () => {
      const seen = await eventOf(stage, target);
      return seen.delivery.tries > 0 ? seen : undefined;
    });
    expect(event.delivery.state).toBe('pending');
    expect(inside.heard).toEqual([]);
    await new Promise((resolve) => {
      shop.close(resolve);
      shop.closeAllConnections();
    });
  });

  test.each([500, 404, 302, 199 + 201])(
    'row 24: "success" on a page of status %i is no acknowledgement',
    async (status) => {
      stage.shop.answerWith({ status, body: '<html>success {"fulfilment":"delivered"}</html>' });
      const target = await paid(stage, {});
      const event = await eventually(async () => {
        const seen = await eventOf(stage, target);
        return seen.delivery.tries > 0 ? seen : undefined;
      });
      expect(event.delivery.state).toBe('pending');
      expect((await stage.api('GET', `/v1/payments/${target.id}`)).body.fulfilment).not.toBe('delivered');
    },
  );

  test.each([
    '<html>{"fulfilment":"delivered"}</html>',
    'delivered',
    '"delivered"',
    '["delivered"]',
    '{"fulfilment":["delivered"]}',
    '{"fulfilment":"DELIVERED"}',
    `{"fulfilment":"delivered","pad":"${'x'.repeat(5_000)}"}`,
  ])('row 24: a 200 with %j takes the event and does not report the goods as delivered', async (body) => {
    stage.shop.answerWith({ status: 200, body });
    const target = await paid(stage, {});
    await eventually(async () => (await eventOf(stage, target)).delivery.state === 'delivered');
    expect((await stage.api('GET', `/v1/payments/${target.id}`)).body.fulfilment).not.toBe('delivered');
  });
});
