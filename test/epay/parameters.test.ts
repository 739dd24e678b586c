import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMoney, readUrlEncoded } from '../../src/epay/index.ts';

const read = (text: string | Buffer) => readUrlEncoded(Buffer.from(text));
const entries = (text: string) => {
  const result = read(text);
  return result.ok ? [...result.value] : result.error;
};

describe('what was sent', () => {
  test('is read as PHP reads it', () => {
    expect(entries('&a=1&&b=x+y%20z&c&d=%E6%9C%88&e=%zz&=lost')).toEqual([
      ['a', '1'],
      ['b', 'x y z'],
      ['c', ''],
      ['d', '月'],
      ['e', '%zz'],
    ]);
  });

  test('S14 the last of a name counts, arrays are nothing, and no name means anything to the language', () => {
    expect(entries('a=1&a=2&b[]=1&c[x]=1&__proto__=p&constructor=q')).toEqual([
      ['a', '2'],
      ['__proto__', 'p'],
      ['constructor', 'q'],
    ]);
  });

  test('is UTF-8 to the byte, escaped or not', () => {
    expect(entries('name=月卡')).toEqual([['name', '月卡']]);
    expect(read(Buffer.from([0x61, 0x3d, 0xd4, 0xc2]))).toMatchObject({ ok: false, error: 'bad_encoding' });
    expect(entries('a=%D4%C2')).toBe('bad_encoding');
    expect(entries('a=%EF%BB%BFx')).toEqual([['a', '\uFEFFx']]);
  });

  test('has an end', () => {
    expect(entries(Array.from({ length: 300 }, (_, i) => `p${i}=1`).join('&'))).toBe('too_many_parameters');
  });

  test.each([
    'name=x%26out_trade_no=OTHER',
    'param=1%26notify_url%3Dhttps://evil.example',
    'type=alipay%26SIGN%3D1',
    'notify_url=https://s.example/?a=1%26return_url=https://evil.example',
    'return_url=https://s.example/?a=1%26notify_url=https://evil.example',
    'money%3D1%26name=x',
  ])('S1 is refused when it could be cut up into other parameters: %s', (text) => {
    expect(entries(text)).toBe('split_value');
  });

  test('S1 an address may have a query of its own, and a name may hold an ampersand', () => {
    expect(entries('return_url=https://s.example/?a=1%26out_trade_no=12&name=A%26B')).toEqual([
      ['return_url', 'https://s.example/?a=1&out_trade_no=12'],
      ['name', 'A&B'],
    ]);
  });

  test('any text that is escaped as forms are comes back as it was', () => {
    const names = fc.stringMatching(/^[a-z_]{1,10}$/);
    const values = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('&'));
    fc.assert(
      fc.property(fc.dictionary(names, values), (fields) => {
        expect(new Map(entries(new URLSearchParams(fields).toString()) as [])).toEqual(new Map(Object.entries(fields)));
      }),
    );
  });

  test('any bytes are read without a throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readUrlEncoded(bytes)));
  });
});

describe('money', () => {
  test.each([
    ['1', 100],
    ['1.0', 100],
    ['19.9', 1990],
    ['0.01', 1],
    ['19.900', 1990],
    ['1.10000000000000000000', 110],
    ['999999999.99', 99_999_999_999],
  ])('%s is %d fen', (text, minor) => {
    expect(readMoney(text)).toEqual({ ok: true, value: { minor, currency: 'CNY' } });
  });

  test.each(['', '0', '0.00', '-1', '+1', '1e2', '1,00', '0x1', '1.001', '.5', '1.', ' 1', '１', '1234567890'])(
    '%j is none',
    (text) => {
      expect(readMoney(text).ok).toBe(false);
    },
  );
});
