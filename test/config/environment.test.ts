import { expect, test } from 'vitest';
import { describeFaults, readEnvironment } from '../../src/config/index.ts';

test('nothing set means the defaults of the contract', () => {
  expect(readEnvironment({ HOME: '/root' })).toEqual({
    ok: true,
    value: {
      host: '127.0.0.1',
      port: 8080,
      adminHost: '127.0.0.1',
      adminPort: 8081,
      adminToken: null,
      sandboxPort: 8082,
      sandboxUrl: null,
      stopGraceMs: 0,
      sandboxDataDir: null,
      sandboxTimeFactor: 1,
      traces: null,
      configPath: 'config/gateway.yaml',
      dataDir: './data',
      redis: null,
      mongoUrl: null,
      publicUrl: null,
      logLevel: 'info',
      production: false,
      epayPrivateKey: null,
      masterKey: null,
    },
  });
});

test('every variable is taken', () => {
  const env = {
    HOST: '0.0.0.0',
    PORT: '0',
    ADMIN_HOST: '::1',
    ADMIN_PORT: '0',
    ADMIN_TOKEN: 'c3f1a09be7d24586aa01f3d2',
    SANDBOX_PORT: '65535',
    SANDBOX_URL: 'http://sandbox:8082/',
    SANDBOX_DATA_DIR: '/tmp/books',
    SANDBOX_TIME_FACTOR: '60.5',
    CONFIG: '/etc/pay/gateway.yaml',
    DATA_DIR: '/var/lib/pay',
    PUBLIC_URL: 'https://pay.example/gateway//',
    LOG_LEVEL: 'debug',
    NODE_ENV: 'production',
    MASTER_KEY: 'any',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
    OTEL_SERVICE_NAME: 'pay',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  };
  expect(readEnvironment(env)).toMatchObject({
    ok: true,
    value: {
      host: '0.0.0.0',
      port: 0,
      adminHost: '::1',
      adminPort: 0,
      adminToken: 'c3f1a09be7d24586aa01f3d2',
      sandboxPort: 65_535,
      sandboxUrl: 'http://sandbox:8082',
      sandboxDataDir: '/tmp/books',
      sandboxTimeFactor: 60.5,
      configPath: '/etc/pay/gateway.yaml',
      dataDir: '/var/lib/pay',
      publicUrl: 'https://pay.example/gateway',
      logLevel: 'debug',
      production: true,
      masterKey: 'any',
      traces: { url: 'http://collector:4318/v1/traces', serviceName: 'pay', sampleRatio: 0.25 },
    },
  });
});

test('the address for traces is taken as it is, before the common one; without any, or disabled, there are no traces', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
  const own = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://spans.example/intake' };
  expect(readEnvironment(own)).toMatchObject({
    value: { traces: { url: 'https://spans.example/intake', serviceName: 'switchyard', sampleRatio: 1 } },
  });
  expect(readEnvironment({ ...own, OTEL_SDK_DISABLED: 'true' })).toMatchObject({ value: { traces: null } });
});

test.each([
  ['PORT', 'abc', /port number/],
  ['PORT', '65536', /port number/],
  ['PORT', '-1', /port number/],
  ['PORT', '80.5', /port number/],
  ['ADMIN_PORT', '0x50', /port number/],
  ['SANDBOX_PORT', ' 80', /port number/],
  ['HOST', 'two words', /host name/],
  ['ADMIN_HOST', 'http://x', /host name/],
  ['PUBLIC_URL', 'pay.example', /http or https URL/],
  ['PUBLIC_URL', 'ftp://pay.example', /http or https URL/],
  ['PUBLIC_URL', 'https://pay.example/?a=b', /without user name, query/],
  ['SANDBOX_URL', 'http://user:word@sandbox', /without user name/],
  ['SANDBOX_TIME_FACTOR', 'fast', /a number/],
  ['SANDBOX_TIME_FACTOR', '0', /more than 0/],
  ['LOG_LEVEL', 'verbose', /one of trace, debug/],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /http or https URL/],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5', /share from 0 to 1/],
  ['OTEL_TRACES_SAMPLER_ARG', '10%', /share from 0 to 1/],
  ['NODE_ENV', 'prod', /one of production/],
  ['MONGO_URL', 'postgres://user:password@127.0.0.1/payments', /begins with mongodb/],
  ['REDIS_URL', 'http://127.0.0.1', /must be redis:/],
  ['REDIS_URL', 'redis://', /must be redis:/],
  ['REDIS_URL', 'redis://a:6379,b:6379', /several nodes are those of a redis.cluster:/],
  ['REDIS_URL', 'redis+cluster://a:6379/2', /a cluster has none/],
  ['REDIS_URL', 'redis://:%zz@a', /must be redis:/],
  ['REDIS_URL', 'redis://a:99999', /must be redis:/],
])('%s=%s is a fault', (name, value, message) => {
  const result = readEnvironment({ [name]: value });
  expect(result).toMatchObject({ ok: false, error: [{ file: 'environment', line: 0, path: name }] });
  expect(result.ok ? '' : result.error[0]?.message).toMatch(message);
});

test.each([
  ['redis://localhost', { nodes: [{ host: 'localhost', port: 6379 }], cluster: false, tls: false, password: null }],
  ['rediss://u:p%40:x@[::1]:7000/3', { nodes: [{ host: '::1', port: 7000 }], tls: true, username: 'u', database: 3 }],
  ['redis://:p%40:x@r', { username: null, password: 'p@:x' }],
  [
    'redis+cluster://a:1,b:2/',
    {
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      cluster: true,
      database: 0,
    },
  ],
])('REDIS_URL=%s is understood', (REDIS_URL, redis) => {
  expect(readEnvironment({ REDIS_URL })).toMatchObject({ ok: true, value: { redis } });
});

test('every wrong variable is named, without its value', () => {
  const result = readEnvironment({ PORT: 'abc', PUBLIC_URL: 'secret-4711', LOG_LEVEL: 'loud' });
  const text = result.ok ? '' : describeFaults(result.error);
  expect(text.split('\n').map((line) => line.split(': ').slice(0, 2))).toEqual([
    ['environment', 'PORT'],
    ['environment', 'PUBLIC_URL'],
    ['environment', 'LOG_LEVEL'],
  ]);
  expect(text).not.toMatch(/abc|4711|loud/);
});

test('an empty variable counts as absent', () => {
  expect(readEnvironment({ PORT: '', MONGO_URL: '', PUBLIC_URL: '' })).toMatchObject({
    ok: true,
    value: { port: 8080, publicUrl: null },
  });
});

test('two listeners cannot share a port of one address', () => {
  expect(readEnvironment({ PORT: '8081' })).toMatchObject({ ok: false, error: [{ path: 'ADMIN_PORT' }] });
  expect(readEnvironment({ PORT: '8081', HOST: '192.0.2.1' }).ok).toBe(true);
  expect(readEnvironment({ PORT: '0', ADMIN_PORT: '0', SANDBOX_PORT: '0' }).ok).toBe(true);
});
