import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { issueCertificate } from '../../../src/channel/sandbox/index.ts';
import {
  aCallback,
  aNotice,
  encrypt,
  NOW,
  openAdapter,
  type ScriptedAnswer,
  signedAnswer,
  startScripted,
} from './platform.ts';
import { eventually, type Stage, soon, startStage } from './stage.ts';

const certificatesOnly = { public_key: undefined, public_key_id: undefined };

async function callbackOf(stage: Stage, order = stage.anOrder()) {
  await stage.adapter.create(order, soon());
  await stage.pay(order);
  return eventually(() => stage.receiver.received.find((raw) => order.callbackUrl.endsWith(raw.target)));
}

describe('with platform certificates', () => {
  test('answers and callbacks are verified with the certificate that they name', async () => {
    const stage = await startStage({ keyMode: 'certificate' });
    const raw = await callbackOf(stage);
    expect(raw.headers.get('wechatpay-serial')?.[0]).toMatch(/^5[0-9A-F]{39}$/);
    expect(await stage.adapter.parseCallback(raw, soon())).toMatchObject({ ok: true, value: [{}] });
    expect(await stage.adapter.probe(soon())).toEqual({ ok: true, value: undefined });
  });

  test('a new certificate is fetched when it is first seen, after the floor', async () => {
    const stage = await startStage({ keyMode: 'certificate' });
    await callbackOf(stage);
    await stage.settings({ rotate_certificate: true });
    stage.advance(61_000);
    expect(await stage.adapter.create(stage.anOrder(), soon())).toMatchObject({ ok: true });
    expect(await stage.adapter.parseCallback(await callbackOf(stage), soon())).toMatchObject({ ok: true });
  });

  test('certificates are fetched once for many calls at the same time, and not again for hours', async () => {
    const { url, answers, calls } = await startCertificates();
    const adapter = openAdapter({ ...certificatesOnly, base_url: url });
    const seen = await Promise.all(Array.from({ length: 20 }, () => adapter.probe(soon())));
    expect(seen.every(({ ok }) => ok)).toBe(true);
    expect(answers()).toBe(1);
    expect(calls.length).toBe(21);
  });

  test('an unknown serial number has them fetched again, but not more than once a minute', async () => {
    let now = NOW;
    const { url, answers } = await startCertificates({}, () => now);
    const adapter = openAdapter({ ...certificatesOnly, base_url: url }, () => now);
    const unknown = async () => {
      const raw = aCallback(aNotice(), { signing: { serial: '5CCC', at: now } });
      return adapter.parseCallback({ ...raw, receivedAt: now }, soon());
    };
    for (let i = 0; i < 5; i += 1) expect(await unknown()).toEqual({ ok: false, error: 'bad_signature' });
    expect(answers()).toBe(1);
    now += 60_000;
    for (let i = 0; i < 5; i += 1) expect(await unknown()).toEqual({ ok: false, error: 'bad_signature' });
    expect(answers()).toBe(2);
  });

  test('after half a day they are fetched again, and meanwhile the known one serves on', async () => {
    let now = NOW;
    let isUp = true;
    const { url, answers } = await startCertificates(
      {},
      () => now,
      () => isUp,
    );
    const adapter = openAdapter({ ...certificatesOnly, base_url: url }, () => now);
    const genuine = () => {
      const raw = aCallback(aNotice(), { signing: { serial: '5AAA', key: certificate.privateKey, at: now } });
      return adapter.parseCallback({ ...raw, receivedAt: now }, soon());
    };
    expect(await genuine()).toMatchObject({ ok: true });
    now += 12 * 3_600_000 - 1;
    expect(await genuine()).toMatchObject({ ok: true });
    expect(answers()).toBe(1);
    isUp = false;
    now += 1;
    expect(await genuine()).toMatchObject({ ok: true });
    await eventually(() => (answers() === 2 ? true : undefined));
    expect(await genuine()).toMatchObject({ ok: true });
  });

  test('without certificates nothing is sent: an answer that cannot be checked would leave an order in doubt', async () => {
    const { url, calls } = await startScripted(() => ({ status: 503, body: '' }));
    const adapter = openAdapter({ ...certificatesOnly, base_url: url });
    const { anOrder } = await startStage();
    const created = await adapter.create(anOrder(), soon());
    expect(created).toMatchObject({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } });
    expect(calls).toEqual(['GET /v3/certificates']);
  });

  test('a merchant without certificates is told to configure the public key', async () => {
    const stage = await startStage({ keyMode: 'public_key' });
    const adapter = stage.openAdapter(certificatesOnly);
    expect(await adapter.create(stage.anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'RESOURCE_NOT_EXISTS' },
    });
  });

  test('wrong credentials show in the reason', async () => {
    const stage = await startStage({ keyMode: 'certificate' });
    const adapter = stage.openAdapter({ serial_no: '5'.padEnd(40, 'A') });
    expect(await adapter.create(stage.anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'SIGN_ERROR' },
    });
  });

  test('a wrong APIv3 key opens no certificate', async () => {
    const stage = await startStage({ keyMode: 'certificate' });
    const adapter = stage.openAdapter({ api_v3_key: 'fedcba9876543210fedcba9876543210' });
    expect(await adapter.create(stage.anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', reason: 'forged_response' },
    });
  });

  test.each(['unsigned', 'wrong_key', 'stale'] as const)(
    'certificates in an answer that is %s are not believed',
    async (answer) => {
      const stage = await startStage({ keyMode: 'certificate' });
      stage.faults({ answer });
      expect(await stage.adapter.create(stage.anOrder(), soon())).toMatchObject({
        ok: false,
        error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', reason: 'forged_response' },
      });
    },
  );

  test.each([
    ['a serial number that is not its own', { serial: '5BBB' }],
    ['an end that has passed', { expire_time: '2025-12-31T23:59:59+08:00' }],
  ])('a certificate with %s verifies nothing', async (_what, set) => {
    const { url } = await startCertificates(set);
    const adapter = openAdapter({ ...certificatesOnly, base_url: url });
    const raw = aCallback(aNotice(), { signing: { serial: '5AAA', key: certificate.privateKey } });
    expect(await adapter.parseCallback(raw, soon())).toEqual({ ok: false, error: 'bad_signature' });
  });

  test('an aborted callback does not wait for a fetch', async () => {
    const { url } = await startScripted(() => ({ status: 503, body: '' }));
    const adapter = openAdapter({ ...certificatesOnly, base_url: url });
    const raw = aCallback(aNotice(), { signing: { serial: '5AAA' } });
    expect(await adapter.parseCallback(raw, AbortSignal.abort())).toEqual({ ok: false, error: 'bad_signature' });
  });
});

describe('with the platform public key', () => {
  test('the request names it, and nothing is fetched', async () => {
    const stage = await startStage();
    const raw = await callbackOf(stage);
    expect(raw.headers.get('wechatpay-serial')?.[0]).toMatch(/^PUB_KEY_ID_/);
    expect(await stage.adapter.parseCallback(raw, soon())).toMatchObject({ ok: true });
  });

  test('it never stands in for a certificate, nor a certificate for it', async () => {
    const { url } = await startCertificates();
    const adapter = openAdapter({ base_url: url });
    const underCertificate = aCallback(aNotice(), { signing: { serial: '5AAA' } });
    expect(await adapter.parseCallback(underCertificate, soon())).toEqual({ ok: false, error: 'bad_signature' });
    const underPublicKey = aCallback(aNotice(), { signing: { key: certificate.privateKey } });
    expect(await adapter.parseCallback(underPublicKey, soon())).toEqual({ ok: false, error: 'bad_signature' });
    const right = aCallback(aNotice(), { signing: { serial: '5AAA', key: certificate.privateKey } });
    expect(await adapter.parseCallback(right, soon())).toMatchObject({ ok: true });
  });
});

test('during a migration callbacks come signed by either, and both are read', async () => {
  const stage = await startStage({ keyMode: 'mixed' });
  const serials = new Set<string | undefined>();
  while (serials.size < 2) {
    const raw = await callbackOf(stage);
    serials.add(raw.headers.get('wechatpay-serial')?.[0]);
    expect(await stage.adapter.parseCallback(raw, soon())).toMatchObject({ ok: true, value: [{}] });
  }
});

test('the certificates that the simulator builds are what node:crypto takes for one', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
  const serials = fc
    .uint8Array({ minLength: 8, maxLength: 19 })
    .map((bytes) => `5A${Buffer.from(bytes).toString('hex')}`);
  fc.assert(
    fc.property(names, serials, (commonName, serial) => {
      const dates = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2031-01-01T00:00:00Z') };
      const read = new X509Certificate(selfSigned({ serial, commonName, ...dates, ...pair }));
      expect(read.serialNumber).toBe(serial.toUpperCase());
      expect(read.verify(pair.publicKey)).toBe(true);
      expect([new Date(read.validFrom), new Date(read.validTo)]).toEqual([dates.notBefore, dates.notAfter]);
    }),
    { numRuns: 30 },
  );
});

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificate = {
  privateKey: pair.privateKey,
  pem: selfSigned({
    serial: '5AAA',
    commonName: 'test',
    notBefore: new Date('2025-01-01T00:00:00Z'),
    notAfter: new Date('2030-01-01T00:00:00Z'),
    publicKey: createPublicKey(pair.privateKey),
    privateKey: pair.privateKey,
  }),
};

function selfSigned(
  content: Omit<Parameters<typeof issueCertificate>[0], 'issuer' | 'isAuthority'> & { privateKey: KeyObject },
): string {
  const { commonName, privateKey } = content;
  return issueCertificate({ ...content, issuer: { commonName, privateKey }, isAuthority: false });
}

/** A WeChat with one platform certificate and no orders. */
async function startCertificates(
  set: { serial?: string; expire_time?: string } = {},
  now = () => NOW,
  isUp = () => true,
) {
  const { serial = '5AAA', expire_time = '2030-01-01T00:00:00Z' } = set;
  const list = {
    data: [
      {
        serial_no: serial,
        effective_time: '2025-01-01T00:00:00+08:00',
        expire_time,
        encrypt_certificate: encrypt(certificate.pem, undefined, 'certificate'),
      },
    ],
  };
  const server = await startScripted((request): ScriptedAnswer => {
    if (!isUp()) return { status: 503, body: '' };
    const isList = request.url === '/v3/certificates';
    const body = isList ? JSON.stringify(list) : '{"code":"ORDER_NOT_EXIST","message":""}';
    return signedAnswer(isList ? 200 : 404, body, { serial: '5AAA', key: certificate.privateKey, at: now() });
  });
  return { ...server, answers: () => server.calls.filter((call) => call === 'GET /v3/certificates').length };
}
