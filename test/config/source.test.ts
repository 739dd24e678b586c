import { describe, expect, test } from 'vitest';
import { faultsOf, GATEWAY, lineOfPart, loaded, MERCHANTS, replaced } from './builders.ts';

const OTHER_KEY = '[key-of-the-other-shop]';

describe('references to the environment', () => {
  const keyIs = (text: string, env: Record<string, string>) =>
    loaded({ merchants: replaced(MERCHANTS, OTHER_KEY, `["${text}"]`) }, { env }).merchants;

  test('a variable is read, alone or within a text', () => {
    expect(keyIs(`\${KEY}`, { KEY: 'a-key-from-outside' }).bySecretKey('a-key-from-outside')?.id).toBe('m_other');
    expect(keyIs(`pre-\${A}-\${B}-post`, { A: 'one-two', B: '34' }).bySecretKey('pre-one-two-34-post')?.id).toBe(
      'm_other',
    );
  });

  test('the default stands in for a variable that is missing or empty', () => {
    for (const env of [{}, { KEY: '' }]) {
      expect(keyIs(`\${KEY:-the-key-by-default}`, env).bySecretKey('the-key-by-default')?.id).toBe('m_other');
    }
    expect(
      keyIs(`\${KEY:-the-key-by-default}`, { KEY: 'a-key-from-outside' }).bySecretKey('the-key-by-default'),
    ).toBeUndefined();
  });

  test('a value from outside is not searched for further references', () => {
    const merchants = keyIs(`\${KEY}`, { KEY: `\${HOME}-0123456789` });
    expect(merchants.bySecretKey(`\${HOME}-0123456789`)?.id).toBe('m_other');
  });

  test('a doubled dollar is a literal one', () => {
    expect(keyIs(`$\${KEY}-0123456789`, {}).bySecretKey(`\${KEY}-0123456789`)?.id).toBe('m_other');
  });

  test('an unquoted reference may become a number, a quoted one stays a text', () => {
    const plain = replaced(GATEWAY, 'weight: 100', `weight: \${WEIGHT:-70}`);
    expect(loaded({ gateway: plain }).channels[0]?.profile.weight).toBe(70);
    expect(loaded({ gateway: plain }, { env: { WEIGHT: '0' } }).channels[0]?.profile.weight).toBe(0);
    const quoted = replaced(GATEWAY, 'weight: 100', `weight: "\${WEIGHT:-70}"`);
    expect(faultsOf({ gateway: quoted })).toMatchObject([
      { message: 'must be a number, not a text; take the quotes away' },
    ]);
  });

  test.each([
    [`"\${NOT_SET}"`, /environment variable NOT_SET, which is not set/],
    [`"\${A} and \${B}"`, /variable A, .*variable B,/],
    [`"\${1X}"`, /broken reference/],
    [`"\${OPEN"`, /broken reference/],
  ])('%s is one fault, with its line', (text, message) => {
    const gateway = replaced(GATEWAY, 'secret: dont-look-at-me-4711', `secret: ${text}`);
    const faults = faultsOf({ gateway });
    expect(faults).toMatchObject([{ path: 'channels.pay-main.credentials.secret', line: lineOfPart(gateway, text) }]);
    expect(faults[0]?.message).toMatch(message);
  });
});

describe('a file in another encoding', () => {
  const read = (bytes: Buffer) => faultsOf({ merchants: bytes.toString('utf8') });

  test('is refused with the line, instead of showing garbled names to buyers', () => {
    const [before = '', after = ''] = MERCHANTS.split('    secret_keys:', 2);
    const gbk = Buffer.from([0xd6, 0xa7, 0xb8, 0xb6]);
    const comment = Buffer.concat([Buffer.from(`${before}    # `), gbk, Buffer.from(`\n    secret_keys:${after}`)]);
    expect(read(comment)).toMatchObject([
      { line: before.split('\n').length, message: expect.stringMatching(/not UTF-8/) },
    ]);
    expect(read(Buffer.from(`\uFEFF${MERCHANTS}`, 'utf16le'))).toMatchObject([
      { line: 1, message: expect.stringMatching(/not UTF-8/) },
    ]);
    expect(() => loaded({ merchants: `\uFEFF${MERCHANTS}` })).not.toThrow();
  });
});

describe('references to files', () => {
  const gateway = replaced(GATEWAY, 'secret: dont-look-at-me-4711', 'secret: file:secrets/fake.key');
  const secretIn = (others: Record<string, string>, text = gateway) =>
    loaded({ gateway: text, others }, { env: { FOLDER: '/run/secrets' } }).channels[0]?.credentials;

  test('a file is read relative to the configuration, without its last line break', () => {
    expect(secretIn({ '/etc/pay/secrets/fake.key': 'secret-of-a-file\r\n' })).toMatchObject({
      secret: 'secret-of-a-file',
    });
    const pem = '-----BEGIN X-----\nabc\n-----END X-----';
    expect(secretIn({ '/etc/pay/secrets/fake.key': `\uFEFF${pem}\n` })).toMatchObject({ secret: pem });
  });

  test('a file may lie elsewhere, and the environment may say where', () => {
    const elsewhere = replaced(gateway, 'file:secrets/fake.key', `"file:\${FOLDER}/fake.key"`);
    expect(secretIn({ '/run/secrets/fake.key': 'secret-of-a-file' }, elsewhere)).toMatchObject({
      secret: 'secret-of-a-file',
    });
    const above = replaced(gateway, 'file:secrets/fake.key', 'file:../fake.key');
    expect(secretIn({ '/etc/fake.key': 'secret-of-a-file' }, above)).toMatchObject({ secret: 'secret-of-a-file' });
  });

  test('the content of a file is taken as it is', () => {
    const text = `file:other and \${HOME}`;
    expect(secretIn({ '/etc/pay/secrets/fake.key': text })).toMatchObject({ secret: text });
  });

  test('a missing, an empty and a huge file are faults of the line that names them', () => {
    const line = lineOfPart(gateway, 'file:secrets/fake.key');
    expect(faultsOf({ gateway })).toMatchObject([{ line, message: expect.stringContaining('there is no such file') }]);
    const others = (text: string) => ({ gateway, others: { '/etc/pay/secrets/fake.key': text } });
    expect(faultsOf(others(''))).toMatchObject([{ line, message: 'must have at least 10 characters' }]);
    expect(faultsOf(others('x'.repeat(70_000)))).toMatchObject([
      { line, message: expect.stringContaining('more than') },
    ]);
  });
});

describe('what is no plain YAML', () => {
  test('of a file with more values than anybody has, nothing but that is said', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `  more-${index}: { provider: testpay }\n`).join('');
    const faults = faultsOf({ gateway: GATEWAY.replace('\nchannels:\n', `\nchannels:\n${many}`) });
    expect(faults.map(({ message }) => message)).toEqual(['holds more than 20000 values']);
  });

  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [name, of] of [
    ['b', 'a'],
    ['c', 'b'],
    ['d', 'c'],
    ['e', 'd'],
    ['f', 'e'],
    ['g', 'f'],
    ['h', 'g'],
  ]) {
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${of}`).join(', ')}]`);
  }

  test.each([
    ['an empty file', '', 1, /must be a map, not empty/],
    ['a list', '- a\n- b\n', 1, /must be a map, not a list/],
    [
      'a duplicate key',
      replaced(GATEWAY, 'weight: 100', 'weight: 100\n    weight: 50 # here'),
      '# here',
      /is there twice/,
    ],
    ['a tag', replaced(GATEWAY, 'weight: 100', 'weight: !!int 100 # here'), '# here', /tags are not supported/],
    ['an unknown tag', replaced(GATEWAY, 'weight: 100', 'weight: !js 100 # here'), '# here', /tags are not supported/],
    [
      'a key that is a list',
      replaced(GATEWAY, 'weight: 100', '? [weight] # here\n    : 100'),
      '# here',
      /not a plain name/,
    ],
    [
      'a key that reaches into objects',
      replaced(GATEWAY, 'weight: 100', '__proto__: 100 # here'),
      '# here',
      /not a plain name/,
    ],
    ['an anchor that is nowhere', replaced(GATEWAY, 'weight: 100', 'weight: *w # here'), '# here', /not defined above/],
    ['an anchor that holds itself', `${GATEWAY}x: &x [*x] # here\n`, '# here', /not defined above/],
    ['a bomb of anchors', `${GATEWAY}${bomb.join('\n')}\n`, `e: &e`, /holds more than 20000 values/],
    ['a second document', `${GATEWAY}---\nx: 1\n`, '---', /second document/],
    ['another version of YAML', `%YAML 1.1\n---\n${GATEWAY}`, 1, /%YAML/],
    ['a tab', replaced(GATEWAY, '    weight: 100', '\tweight: 100 # here'), '# here', /tab/],
    ['an open quote', replaced(GATEWAY, 'app: app-1', 'app: "app-1 # here'), '# here', /./],
    ['ten thousand brackets', `x: ${'['.repeat(10_000)}`, null, /./],
    ['more than a megabyte', `# ${'x'.repeat(1_100_000)}`, null, /more than 1048576 characters/],
  ])('%s is refused', (_, gateway, at, message) => {
    const faults = faultsOf({ gateway });
    const line = typeof at === 'string' ? lineOfPart(gateway, at) : at;
    const found = faults.filter((fault) => message.test(fault.message) && (line === null || fault.line >= line));
    expect(found.length).toBeGreaterThan(0);
    if (line !== null) expect(found[0]?.line).toBe(line);
  });

  test('a small anchor saves repetition, and a fault in it is named where it is written', () => {
    const timeouts = 'timeouts:\n      create: 3s\n      query: 2s\n      refund: 5s\n';
    const anchored = replaced(GATEWAY, timeouts, timeouts.replace('timeouts:', 'timeouts: &slow'));
    const gateway = replaced(anchored, 'methods: [card]\n', 'methods: [card]\n    timeouts: *slow\n');
    expect(loaded({ gateway }).channels[1]?.timeouts).toEqual({ createMs: 3_000, queryMs: 2_000, refundMs: 5_000 });
    const wrong = replaced(gateway, 'query: 2s', 'query: 2');
    expect(faultsOf({ gateway: wrong }).map(({ line }) => line)).toEqual([30, 30]);
  });
});
