import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { openMongoStore } from '../../../src/store/mongo/index.ts';
import { aPayment } from '../../contract/payments.ts';
import { makeCertificate } from '../../services/certificate.ts';
import { startMongoTls } from '../../services/mongo.ts';

const openssl = inject('openssl');
const certificate = 'path' in openssl ? makeCertificate(openssl.path) : null;
const server = certificate === null ? { missing: 'OpenSSL' } : await startMongoTls(certificate);

describe.skipIf('missing' in server)('MongoDB behind TLS', () => {
  const urlWith = (options: string): string =>
    `${'url' in server ? server.url : ''}/switchyard_${randomBytes(6).toString('hex')}?${options}`;
  const open = (options: string) =>
    openMongoStore({ url: urlWith(options), process: 'test', now: Date.now, selectionMs: 1_000 });

  afterAll(async () => {
    if ('stop' in server) await server.stop();
    certificate?.remove();
  });

  test('keeps payments when MONGO_URL names whom to trust', async () => {
    const store = await open(`tls=true&tlsCAFile=${encodeURIComponent(certificate?.certFile ?? '')}`);
    const payment = aPayment();
    await store.insert(payment);
    expect((await store.findById(payment.id))?.payment).toEqual(payment);
    await store.close();
  });

  test.each(['tls=true', 'tls=false'])('is not spoken to with %s alone', async (options) => {
    await expect(open(options)).rejects.toThrow('MongoDB cannot be reached');
  });
});
