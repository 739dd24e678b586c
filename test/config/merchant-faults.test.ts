import { describe, expect, test } from 'vitest';
import { faultsOf, GATEWAY, lineOfPart, loaded, MERCHANTS, replaced } from './builders.ts';

/** What is replaced, by what, and the one fault that has to follow: its path, its message, and the text on its line. */
type Row = readonly [from: string, to: string, path: string, message: RegExp, lineHas?: string];

const SHA256_OF_FIRST_KEY = 'sha256:fad697cc0db08a79fc38a941038eb9e2a4bcb4c7138b45a776a7c0beb54c3b69';

const ROWS: readonly Row[] = [
  ['merchants:\n', 'merchant:\n', 'merchant', /did you mean merchants\?/],
  ['  m_shop:', '  M Shop:', 'merchants.M Shop', /a-z, 0-9, _ and -/],
  ['    name: A shop\n', '', 'merchants.m_shop.name', /is required/, 'm_shop:'],
  ['name: A shop', 'name: ""', 'merchants.m_shop.name', /at least 1 characters/],
  ['- key-of-the-first-shop', '- ""', 'merchants.m_shop.secret_keys[0]', /at least 15 characters/],
  ['- key-of-the-first-shop', '- short', 'merchants.m_shop.secret_keys[0]', /at least 15 characters/],
  ['- key-of-the-first-shop', '- your-secret-goes-here', 'merchants.m_shop.secret_keys[0]', /placeholder/],
  ['- key-of-the-first-shop', '- aaaaaaaaaaaaaaaaaaaaaaaa', 'merchants.m_shop.secret_keys[0]', /placeholder/],
  ['- key-of-the-first-shop', '- key of the first shop', 'merchants.m_shop.secret_keys[0]', /without spaces/],
  ['- key-of-the-first-shop', '- 123456789012345', 'merchants.m_shop.secret_keys[0]', /put quotes around it/],
  ['- key-of-the-first-shop', '- sha256:12ab', 'merchants.m_shop.secret_keys[0]', /64 lower-case hexadecimal digits/],
  [
    '- key-of-the-first-shop',
    '- key-of-the-first-shop\n      - key-of-the-first-shop # here',
    'merchants.m_shop.secret_keys[1]',
    /m_shop has already/,
    '# here',
  ],
  ['\n      - key-of-the-first-shop', ' []', 'merchants.m_shop.secret_keys', /at least 1 entry/, 'secret_keys: []'],
  [
    'key-of-the-other-shop',
    'key-of-the-first-shop',
    'merchants.m_other.secret_keys[0]',
    /m_shop has already/,
    'secret_keys: [key',
  ],
  ['      secret: whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n', '', 'merchants.m_shop.webhook.secret', /is required/, 'webhook:'],
  ['whsec_MDEyMzQ1Njc4OWFiY2RlZg==', '', 'merchants.m_shop.webhook.secret', /is a list|must be a list/, 'secret: \n'],
  ['whsec_MDEyMzQ1Njc4OWFiY2RlZg==', '""', 'merchants.m_shop.webhook.secret[0]', /whsec_ and the base64/, 'secret: ""'],
  [
    'whsec_MDEyMzQ1Njc4OWFiY2RlZg==',
    'MDEyMzQ1Njc4OWFiY2RlZg==',
    'merchants.m_shop.webhook.secret[0]',
    /whsec_ and the base64/,
  ],
  [
    'whsec_MDEyMzQ1Njc4OWFiY2RlZg==',
    'whsec_c2hvcnQ=',
    'merchants.m_shop.webhook.secret[0]',
    /at least 16 random bytes/,
  ],
  ['whsec_MDEyMzQ1Njc4OWFiY2RlZg==', 'whsec_MDEyMzQ1Njc4OWFiY2RlZg', 'merchants.m_shop.webhook.secret[0]', /base64/],
  [
    'whsec_MDEyMzQ1Njc4OWFiY2RlZg==',
    'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'merchants.m_shop.webhook.secret[0]',
    /random bytes/,
  ],
  ['url: https://shop.example/events', 'url: shop.example', 'merchants.m_shop.webhook.url', /http or https URL/],
  [
    'url: https://shop.example/events',
    'url: https://u:p@shop.example/',
    'merchants.m_shop.webhook.url',
    /without a user name/,
  ],
  ['url: https://shop.example/events', 'url: http://shop.example/', 'merchants.m_shop.webhook.url', /must be https/],
  ['pid: 2000', 'pid: 0', 'merchants.m_shop.epay.pid', /at least 1/],
  ['pid: 2000', 'pid: "2000"', 'merchants.m_shop.epay.pid', /must be a number, not a text|whole number/],
  ['key: 0123456789abcdef0123456789ABCDEF', 'key: short', 'merchants.m_shop.epay.key[0]', /at least 16 characters/],
  [
    'key: 0123456789abcdef0123456789ABCDEF',
    'key: 0123456789abcdef&0123456789ABCDEF',
    'merchants.m_shop.epay.key[0]',
    /letters, digits, _ and -/,
  ],
  [
    'key: 0123456789abcdef0123456789ABCDEF',
    'key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'merchants.m_shop.epay.key[0]',
    /placeholder/,
  ],
  ['sign: [sha256]', 'sign: [sha1]', 'merchants.m_shop.epay.sign[0]', /one of md5, sha256, rsa/],
  [
    'sign: [sha256]\n      public_key: null',
    'sign: [rsa]\n      public_key: null',
    'merchants.m_shop.epay.public_key',
    /required for the signature kind rsa/,
    'public_key:',
  ],
  ['public_key: null', 'public_key: abc', 'merchants.m_shop.epay.public_key', /PEM/],
  ['refunds: false', 'refunds: 0', 'merchants.m_shop.epay.refunds', /true or false/],
  [
    'notify_hosts: [shop.example]',
    'notify_hosts: ["https://shop.example"]',
    'merchants.m_shop.epay.notify_hosts[0]',
    /must be a host name/,
  ],
  [
    'channels: [pay-main]',
    'channels: [pay-mian]',
    'merchants.m_shop.channels[0]',
    /does not have; did you mean pay-main\?/,
  ],
  ['channels: [pay-main]', 'channels: []', 'merchants.m_shop.channels', /at least 1 entry/],
  ['channels: [pay-main]', 'channels: some', 'merchants.m_shop.channels', /all, or a list/],
  ['max_amount: 90000', 'max_amount: 900.5', 'merchants.m_shop.limits.max_amount', /a whole number, not a fraction/],
  ['per_minute: 600', 'per_minute: 0', 'merchants.m_shop.limits.per_minute', /at least 1/],
  ['per_minute: 600', 'per_hour: 600', 'merchants.m_shop.limits.per_hour', /not a known key/],
];

describe('faults of a merchant', () => {
  test.each(ROWS.map((row) => [row[1] === '' ? `without ${row[0].trim()}` : row[1].trim(), row] as const))(
    '%s',
    (_name, row) => {
      const [from, to, path, message, lineHas = to.trim()] = row;
      const merchants = replaced(MERCHANTS, from, to);
      const faults = faultsOf({ merchants });
      const found = faults.filter((fault) => fault.path === path);
      expect(found).toEqual([
        expect.objectContaining({ file: '/etc/pay/merchants.yaml', line: lineOfPart(merchants, lineHas) }),
      ]);
      expect(found[0]?.message).toMatch(message);
      expect(faults.filter((fault) => fault.path !== path && !/is required/.test(fault.message))).toEqual([]);
    },
  );
});

test('two merchants cannot share an epay pid', () => {
  const other = '    epay: { pid: 2000, key: another-key-0123456789 }\n';
  const [fault, ...more] = faultsOf({ merchants: MERCHANTS + other });
  expect(more).toEqual([]);
  expect(fault).toMatchObject({
    path: 'merchants.m_other.epay.pid',
    line: lineOfPart(MERCHANTS + other, other.trim()),
  });
});

test('a key and its own hash are the same key', () => {
  const merchants = replaced(MERCHANTS, 'key-of-the-other-shop', SHA256_OF_FIRST_KEY);
  expect(faultsOf({ merchants })).toMatchObject([{ path: 'merchants.m_other.secret_keys[0]' }]);
});

test('plain http to a shop needs allow_http, or a configuration of sandboxes alone', () => {
  const merchants = replaced(MERCHANTS, 'https://shop.example', 'http://shop.example');
  expect(loaded({ merchants, gateway: `${GATEWAY}allow_http: true\n` }).settings.allowHttpUrls).toBe(true);
  const sandboxes = replaced(GATEWAY, 'mode: live', 'mode: sandbox');
  expect(loaded({ merchants, gateway: sandboxes }).settings.allowHttpUrls).toBe(true);
  expect(faultsOf({ merchants, gateway: `${sandboxes}allow_http: false\n` })).toMatchObject([{ line: 7 }]);
});
