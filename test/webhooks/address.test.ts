import { describe, expect, test } from 'vitest';
import { createWebhookSender } from '../../src/webhooks/index.ts';

const sender = createWebhookSender((_hostname, _options, callback) => callback(null, []));

/** Refused from the URL alone; nothing is resolved and nothing is called. */
const judge = async (url: string): Promise<unknown> =>
  sender.send(
    { url, headers: {}, body: '{}', timeoutMs: 1_000, allowPrivateAddresses: false, allowHttp: true },
    AbortSignal.timeout(1_000),
  );

const PRIVATE_V4 = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16', // Azure's metadata, although the address is a public one
  '100.100.100.200', // Alibaba Cloud's metadata
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
];

const PRIVATE_V6 = [
  '::',
  '::1',
  '100::1',
  '2001:db8::1',
  '2001::1', // Teredo
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254', // metadata of AWS
  '4000::1', // given to nobody
];

/** Other spellings of 127.0.0.1 and of the cloud's metadata address. */
const DISGUISED = [
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://127.1/',
  'http://127.0.0.1./',
  'http://１２７.０.０.１/',
  'http://%31%32%37.0.0.1/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[0:0:0:0:0:ffff:a9fe:a9fe]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:1::]/',
  'http://[2002:a9fe:a9fe::1]/',
  'http://[::ffff:0:127.0.0.1]/',
  // ISATAP tunnels to the IPv4 at the end.
  'http://[2001:4860::5efe:10.0.0.1]/',
  'http://[2001:4860::200:5efe:127.0.0.1]/',
  'http://[64:ff9b::168.63.129.16]/',
  // The local-use NAT64 prefix carries its IPv4 in the middle; the public one at the end is a decoy.
  'http://[64:ff9b:1:7f00:0:100:808:808]/',
];

describe('the address of a webhook', () => {
  test.each(PRIVATE_V4)('%s is refused', async (address) => {
    expect(await judge(`https://${address}/notify`)).toEqual({ outcome: 'refused', reason: 'private_address' });
  });

  test.each(PRIVATE_V6)('%s is refused', async (address) => {
    expect(await judge(`https://[${address}]/notify`)).toEqual({ outcome: 'refused', reason: 'private_address' });
  });

  test.each(DISGUISED)('%s is refused', async (url) => {
    expect(await judge(url)).toEqual({ outcome: 'refused', reason: 'private_address' });
  });

  test.each([
    'localhost',
    'a.localhost',
    'printer.local',
    'metadata.google.internal',
    'METADATA.GOOGLE.INTERNAL.',
    'nas.home.arpa',
  ])('the name %s leads inside and is not even looked up', async (name) => {
    expect(await judge(`https://${name}/`)).toEqual({ outcome: 'refused', reason: 'private_address' });
  });

  test.each([22, 25, 110, 445, 993, 2375, 3306, 5432, 6379, 6667, 9200, 11211, 27017])(
    'port %d is refused, wherever it leads',
    async (port) => {
      expect(await judge(`https://shop.example:${port}/`)).toEqual({ outcome: 'refused', reason: 'port' });
    },
  );

  test.each(['', 'notify', '//shop.example/notify', 'https://', 'https://[::1'])('"%s" is no URL', async (url) => {
    expect(await judge(url)).toEqual({ outcome: 'refused', reason: 'bad_url' });
  });

  test.each(['ftp://shop.example/', 'ftp://shop.example:8080/', 'file:///etc/passwd', 'gopher://shop.example:7070/'])(
    '%s is not called',
    async (url) => {
      expect(await judge(url)).toEqual({ outcome: 'refused', reason: 'bad_url' });
    },
  );

  test.each(['https://user@shop.example/', 'https://:secret@shop.example/', 'https://user:secret@shop.example/'])(
    '%s is not called, since it carries credentials',
    async (url) => {
      expect(await judge(url)).toEqual({ outcome: 'refused', reason: 'credentials' });
    },
  );
});
