import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aCallback,
  aNotice,
  aTransaction,
  encrypt,
  NOW,
  openAdapter,
  type Signing,
  signedHeaders,
  startScripted,
  strangerKey,
} from './platform.ts';
import { eventually, soon, startStage } from './stage.ts';

const parse = (raw = aCallback()) => openAdapter().parseCallback(raw, soon());

describe('a forged callback', () => {
  const signings: [string, Signing][] = [
    ['signed by a stranger', { key: strangerKey }],
    ['under the name of another public key', { serial: 'PUB_KEY_ID_0000000002' }],
    ['under the name of a certificate', { serial: '5F0A1B2C3D4E5F60718293A4B5C6D7E8F9012345' }],
    ['under an empty PUB_KEY_ID_', { serial: 'PUB_KEY_ID_' }],
  ];
  test.each(signings)('%s is refused', async (_what, signing) => {
    expect(await parse(aCallback(aNotice(), { signing }))).toEqual({ ok: false, error: 'bad_signature' });
  });

  test('with any byte of the body changed is refused', async () => {
    const adapter = openAdapter();
    const genuine = aCallback();
    const anyChange = fc.tuple(fc.nat(genuine.body.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(anyChange, async ([at, change]) => {
        const body = Uint8Array.from(genuine.body);
        body[at] = (body[at] ?? 0) ^ change;
        expect(await adapter.parseCallback({ ...genuine, body }, soon())).toEqual({
          ok: false,
          error: 'bad_signature',
        });
      }),
      { numRuns: 200 },
    );
  });

  test('with a signature that is too short, too long, doubled or no base64 is refused', async () => {
    const [good = ''] = aCallback().headers.get('wechatpay-signature') ?? [];
    for (const bad of [
      good.slice(0, -4),
      `${good}AAAA`,
      `${good}${good}`,
      good.toLowerCase(),
      'x',
      '0e0',
      `${good}\n`,
    ]) {
      const raw = aCallback(undefined, { headers: { 'wechatpay-signature': [bad] } });
      expect(await parse(raw)).toEqual({ ok: false, error: 'bad_signature' });
    }
  });

  test('with another text for the same bytes of the signature is refused', async () => {
    const genuine = aCallback();
    const [good = ''] = genuine.headers.get('wechatpay-signature') ?? [];
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const at = good.length - 3; // 256 bytes end in `x==`, where four bits of `x` mean nothing
    const other = good.slice(0, at) + alphabet[alphabet.indexOf(good[at] ?? '') ^ 1] + good.slice(at + 1);
    expect(Buffer.from(other, 'base64').equals(Buffer.from(good, 'base64'))).toBe(true);
    for (const bad of [other, good.replace('==', ''), ` ${good}`]) {
      const raw = aCallback(undefined, { headers: { 'wechatpay-signature': [bad] } });
      expect(await parse(raw)).toEqual({ ok: false, error: 'bad_signature' });
    }
  });

  test('signed well, with one bit of the ciphertext flipped before signing, is refused', async () => {
    const resource = encrypt(JSON.stringify(aTransaction()));
    const bytes = Buffer.from(resource.ciphertext, 'base64');
    bytes[5] = (bytes[5] ?? 0) ^ 8;
    const body = aNotice(undefined, { resource: { ...resource, ciphertext: bytes.toString('base64') } });
    expect(await parse(aCallback(body))).toEqual({ ok: false, error: 'bad_signature' });
  });

  test.each([
    ['other associated data', { associated_data: 'refund' }],
    ['another nonce', { nonce: 'abcdef123457' }],
  ])('signed well, with %s, is refused', async (_what, set) => {
    const resource = { ...encrypt(JSON.stringify(aTransaction())), ...set };
    expect(await parse(aCallback(aNotice(undefined, { resource })))).toEqual({ ok: false, error: 'bad_signature' });
  });

  test('encrypted with another key is refused', async () => {
    const resource = encrypt(JSON.stringify(aTransaction()), 'fedcba9876543210fedcba9876543210');
    expect(await parse(aCallback(aNotice(undefined, { resource })))).toEqual({ ok: false, error: 'bad_signature' });
  });

  test('with WeChat’s own test signature is a probe', async () => {
    const { headers } = aCallback();
    const signature = `WECHATPAY/SIGNTEST/${headers.get('wechatpay-signature')?.[0]}`;
    const raw = aCallback(undefined, { headers: { 'wechatpay-signature': [signature] } });
    expect(await parse(raw)).toEqual({ ok: false, error: 'probe' });
  });

  test('the simulator probes as WeChat does, and the genuine one comes again', async () => {
    const { adapter, anOrder, receiver, settings, pay } = await startStage();
    await settings({ sign_test_callbacks: 2 });
    const order = anOrder();
    await adapter.create(order, soon());
    await pay(order);
    const third = await eventually(() => receiver.received[2]);
    const [first, second] = receiver.received;
    for (const raw of [first, second]) {
      expect(raw && (await adapter.parseCallback(raw, soon()))).toEqual({ ok: false, error: 'probe' });
    }
    expect(await adapter.parseCallback(third, soon())).toMatchObject({ ok: true });
  });

  test('the simulator’s wrong signature is refused, its wrong amount is passed on as it was signed', async () => {
    const { adapter, anOrder, receiver, faults, pay } = await startStage();
    faults({ wrong_signature: true });
    const order = anOrder();
    await adapter.create(order, soon());
    await pay(order);
    const forged = await eventually(() => receiver.received[0]);
    expect(await adapter.parseCallback(forged, soon())).toEqual({ ok: false, error: 'bad_signature' });
    faults({ wrong_amount: true });
    const other = anOrder();
    await adapter.create(other, soon());
    await pay(other);
    const wrong = await eventually(() => receiver.received.find((raw) => other.callbackUrl.endsWith(raw.target)));
    expect(await adapter.parseCallback(wrong, soon())).toMatchObject({
      ok: true,
      value: [{ providerRef: other.providerRef, observation: { amount: { minor: other.amount.minor + 1 } } }],
    });
  });
});

describe('an old callback', () => {
  test.each([
    ['300 s old', -300_000, true],
    ['301 s old', -301_000, false],
    ['301 s early', 301_000, false],
  ])('%s', async (_what, offsetMs, believed) => {
    const seen = await parse(aCallback(undefined, { signing: { at: NOW + offsetMs } }));
    expect(seen).toEqual(believed ? expect.objectContaining({ ok: true }) : { ok: false, error: 'stale' });
  });

  test('replayed under a new time is refused, since the time is signed', async () => {
    const old = aCallback(undefined, { signing: { at: NOW - 600_000 } });
    const headers = new Map([...old.headers, ['wechatpay-timestamp', [String(NOW / 1000)]]]);
    expect(await parse({ ...old, headers })).toEqual({ ok: false, error: 'bad_signature' });
  });
});

test('a flood of callbacks with invented certificate numbers costs one request to WeChat', async () => {
  const { url, calls } = await startScripted(() => ({
    status: 404,
    body: '{"code":"RESOURCE_NOT_EXISTS","message":""}',
  }));
  const adapter = openAdapter({ base_url: url });
  const body = aNotice();
  const flood = Array.from({ length: 50 }, (_, i) => {
    const headers = signedHeaders(body, { serial: `5F0A${String(i).padStart(36, '0')}` });
    return { ...aCallback(body), headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])) };
  });
  const seen = await Promise.all(flood.map((raw) => adapter.parseCallback(raw, soon())));
  for (const raw of flood) seen.push(await adapter.parseCallback(raw, soon()));
  expect(new Set(seen.map((one) => !one.ok && one.error))).toEqual(new Set(['bad_signature']));
  expect(calls).toEqual(['GET /v3/certificates']);
});
