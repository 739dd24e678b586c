import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { freePorts } from '../../bench/processes.ts';
import { readRedisUrl } from '../../src/config/index.ts';
import { openLink } from '../../src/ephemeral/redis/index.ts';
import { type Certificate, makeCertificate } from '../services/certificate.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';

const redis = inject('redis');
const openssl = inject('openssl');

describe.skipIf('missing' in redis || 'missing' in openssl)('Redis behind TLS', () => {
  const trusted = getCACertificates('default');
  let certificate: Certificate;
  let server: RedisServer;
  let port: number;

  beforeAll(async () => {
    certificate = makeCertificate('path' in openssl ? openssl.path : '');
    [port = 0] = await freePorts(1);
    const files = ['--tls-cert-file', certificate.certFile, '--tls-key-file', certificate.keyFile];
    const tls = ['--tls-port', String(port), ...files, '--tls-ca-cert-file', certificate.certFile];
    server = await startRedis('path' in redis ? redis.path : '', [...tls, '--tls-auth-clients', 'no']);
  });
  afterEach(() => setDefaultCACertificates(trusted));
  afterAll(async () => {
    await server?.stop();
    certificate?.remove();
  });

  async function linkTo(url: string) {
    const target = readRedisUrl(url);
    if (!target.ok) throw new Error(target.error);
    return openLink({ target: target.value, now: Date.now, random: Math.random });
  }

  test('is reached by rediss:// when its certificate is trusted', async () => {
    setDefaultCACertificates([...trusted, certificate.pem]);
    const link = await linkTo(`rediss://127.0.0.1:${port}`);
    expect(link.state()).toMatchObject({ up: true });
    expect(await link.run('syAdd', 'switchyard:sum:tls', 5, 60_000)).toBe(5);
    await link.close();
  });

  test('is not spoken to when it is not, and neither without TLS', async () => {
    const strange = await linkTo(`rediss://127.0.0.1:${port}`);
    expect(strange.state()).toMatchObject({ up: false, reason: expect.stringContaining('self-signed certificate') });
    const plain = await linkTo(`redis://127.0.0.1:${port}`);
    expect(plain.state().up).toBe(false);
    for (const link of [strange, plain]) await link.close();
  });
});
