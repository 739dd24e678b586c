import { generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isSignedWithKey,
  isSignedWithRsa,
  nearMissOf,
  type Parameters,
  readUrlEncoded,
  signableStrings,
  signed,
  signingString,
  signKindOf,
} from '../../src/epay/index.ts';

const KEY = 'sandbox-epay-key';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

function parsed(text: string): Parameters {
  const read = readUrlEncoded(Buffer.from(text));
  if (!read.ok) throw new Error(read.error);
  return read.value;
}

const sumOf = (fields: readonly (readonly [string, string])[], key: string, sign: 'md5' | 'sha256' = 'md5') =>
  new Map(signed(fields, { sign, key })).get('sign');

/** What an order may be made of: nothing that could be cut up into other parameters. */
const plainValue = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((v) => !/[&=]/.test(v) && v.trim() !== '');
const fieldsOf = fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), plainValue, { minKeys: 1, maxKeys: 12 });

describe('F2 the string that is signed', () => {
  test('is that of the known answers', () => {
    const cli = {
      ...{ pid: '1001', type: 'alipay', out_trade_no: '20160806151343349', name: 'VIP会员', money: '1.00', param: '' },
      ...{ notify_url: 'https://www.pay.com/notify_url.php', return_url: 'https://www.pay.com/return_url.php' },
      ...{ clientip: '192.168.1.100', device: 'pc' },
    };
    // AH-dark/epay-cli
    expect(sumOf(Object.entries(cli), '123456')).toBe('4a0d8e5a6499e5de11878b87fa9ac8ba');
    const request = {
      ...{ money: '1', name: '月卡 1个', notify_url: 'https://shop.example/notify?method=epay', out_trade_no: 'A1000' },
      ...{ pid: '1000', return_url: 'https://shop.example/#/order/A1000', type: 'alipay' },
    };
    expect(sumOf(Object.entries(request), KEY)).toBe('c95ad238d5bbdd178963a2b0b81ab343');
    expect(sumOf(Object.entries(request), KEY, 'sha256')).toBe(
      '77a8bac478fc2f4edd0fad4680ed1a1caeb10d12b15ca6d3f88cf20013e34c65',
    );
    const notice = {
      ...{ money: '1.00', name: '月卡 1个', out_trade_no: 'A1000', pid: '1000', trade_no: 'T20260101' },
      ...{ trade_status: 'TRADE_SUCCESS', type: 'alipay' },
    };
    expect(sumOf(Object.entries(notice), KEY)).toBe('22e19b6153aab444f8bdc2342e0f4e48');
  });

  test('goes by bytes, leaves out what is blank, and never the names that nobody knows', () => {
    const text = 'b=2&B=1&a=%20&sitename=x&sign=s&sign_type=MD5&arr%5B%5D=1&empty=';
    expect(signingString(parsed(text))).toBe('B=1&b=2&sitename=x');
  });

  test('is the same however the parameters were ordered', () => {
    fc.assert(
      fc.property(fieldsOf, fc.infiniteStream(fc.nat()), (fields, draws) => {
        const entries = Object.entries(fields);
        const shuffled = entries.map((entry) => ({ entry, at: draws.next().value ?? 0 })).sort((a, b) => a.at - b.at);
        expect(signingString(shuffled.map(({ entry }) => entry))).toBe(signingString(entries));
      }),
    );
  });

  test('F3 keeps money as it came: 1, 1.0 and 1.00 are three signatures', () => {
    const sums = ['1', '1.0', '1.00'].map((money) => sumOf([['money', money]], KEY));
    expect(new Set(sums).size).toBe(3);
  });

  test('S2 an empty key signs nothing', () => {
    const sum = sumOf([['pid', '1']], '') ?? '';
    expect(isSignedWithKey('md5', 'pid=1', '', sum)).toBe(false);
  });

  test('what was signed is verified, and a changed value is not', () => {
    fc.assert(
      fc.property(fieldsOf, fc.constantFrom('md5', 'sha256'), (fields, sign) => {
        const entries = Object.entries(fields);
        const sum = new Map(signed(entries, { sign, key: KEY })).get('sign') ?? '';
        const text = signingString(entries);
        expect(isSignedWithKey(sign, text, KEY, sum)).toBe(true);
        expect(isSignedWithKey(sign, text, KEY, sum.toUpperCase())).toBe(true);
        expect(isSignedWithKey(sign, `${text}x`, KEY, sum)).toBe(false);
        expect(isSignedWithKey(sign, text, `${KEY}x`, sum)).toBe(false);
        expect(isSignedWithKey(sign, text, KEY, sum.slice(1))).toBe(false);
      }),
    );
  });

  test('RSA signatures verify with the other half alone', () => {
    const fields: [string, string][] = [
      ['pid', '1'],
      ['name', '月卡 1个'],
    ];
    const sum = new Map(signed(fields, { sign: 'rsa', privateKey: rsa.privateKey })).get('sign') ?? '';
    const text = Buffer.from('name=月卡 1个&pid=1');
    expect(verify('RSA-SHA256', text, rsa.publicKey, Buffer.from(sum, 'base64'))).toBe(true);
    expect(isSignedWithRsa('name=月卡 1个&pid=1', rsa.publicKey, sum)).toBe(true);
    expect(isSignedWithRsa('name=月卡 1个&pid=2', rsa.publicKey, sum)).toBe(false);
    expect(isSignedWithRsa('name=月卡 1个&pid=1', rsa.publicKey, 'not base64!')).toBe(false);
  });

  test.each([
    ['zeros left out', 'pid=1'],
    ['blanks left in', 'blank= &pid=1&zero=0'],
    ['everything in', 'blank= &param=&pid=1&zero=0'],
  ])('of clients with customs of their own is tried: %s', (_, text) => {
    expect(signableStrings(parsed('pid=1&zero=0&param=&blank=%20'))).toContain(text);
  });

  test.each([
    ['sign_type=md5', 'md5'],
    ['sign_type=SHA256', 'sha256'],
    ['sign_type=RSA', 'rsa'],
    [`sign=${'a'.repeat(32)}`, 'md5'],
    [`sign=${'a'.repeat(64)}`, 'sha256'],
    [`sign=${'a'.repeat(344)}`, 'rsa'],
    ['sign_type=HMAC', null],
  ])('%s means %s', (text, kind) => {
    expect(signKindOf(parsed(text))).toBe(kind);
  });
});

describe('F12 a wrong signature is explained', () => {
  const fields: [string, string][] = [
    ['pid', '1000'],
    ['money', '1'],
    ['name', 'a b&c'.replace('&', '+')],
    ['notify_url', 'https://s.example/n'],
    ['sitename', 'S'],
  ];
  const plain = signingString(fields);
  const asSent = (text: string, key = KEY): Parameters => {
    const sum = sumOf([], text + key) ?? '';
    return new Map([...fields, ['sign', sum], ['sign_type', 'MD5']]);
  };
  test.each([
    ['key_in_string', asSent(`${plain}&key=`)],
    ['url_encoded_values', asSent(signingString(fields.map(([n, v]) => [n, encodeURIComponent(v)])))],
    ['key_with_blanks', asSent(plain, `${KEY} `)],
    ['no_key', asSent(plain, '')],
    ['as_received', asSent(fields.map(([n, v]) => `${n}=${v}`).join('&'))],
    ['with_sign_type', asSent(`${plain}`.replace('sitename=S', 'sign_type=MD5&sitename=S'))],
    ['known_names_only', asSent(plain.replace('&sitename=S', ''))],
    ['money_rewritten', asSent(plain.replace('money=1', 'money=1.00'))],
    ['foreign_key', asSent(plain, 'the-key-of-another-shop')],
    ['sign_type', new Map([...asSent(plain), ['sign_type', 'SHA256']])],
    [null, asSent('something else')],
  ])('%s', (miss, parameters) => {
    expect(nearMissOf(parameters, [KEY], ['the-key-of-another-shop'])).toBe(miss);
  });
});
