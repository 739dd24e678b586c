import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isAcknowledged,
  methodsOfType,
  noticeFields,
  typeOfMethod,
  withoutSign,
  withParameters,
} from '../../src/epay/index.ts';
import type { EpayTerms } from '../../src/payment/index.ts';
import { aNewPayment, NOW } from '../http/stub-gateway.ts';

const someTerms = (set: Partial<EpayTerms> = {}): EpayTerms => ({
  ...{ pid: 1000, outTradeNo: 'A1', version: 1, sign: 'md5', type: 'alipay', name: '月卡', param: null },
  ...set,
});

describe('F7 what a shop is told', () => {
  test('is exactly what it asked for, and nothing that a client would change before it verifies', () => {
    const payment = aNewPayment();
    expect(noticeFields(payment, someTerms({ name: ' A&B\\C\n ', param: '1_2' }), NOW)).toEqual([
      ['pid', '1000'],
      ['trade_no', payment.id],
      ['out_trade_no', 'A1'],
      ['type', 'alipay'],
      ['name', 'A B C'],
      ['money', '1234.56'],
      ['trade_status', 'TRADE_SUCCESS'],
      ['param', '1_2'],
    ]);
  });

  test('whatever was sent: no blank value, no 0, no space around, no ampersand or backslash in the name, plain names', () => {
    const payment = aNewPayment();
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(text, fc.option(text), fc.constantFrom('alipay', null), (name, param, type) => {
        const fields = noticeFields(payment, someTerms({ name, param, type }), NOW);
        for (const [field, value] of fields) {
          expect(field).toMatch(/^[a-z_]+$/);
          expect(value).not.toMatch(/^$|^0$|^\s|\s$/);
          if (field === 'name') expect(value).not.toMatch(/[&\\]|\p{Cc}/u);
        }
        expect(fields.map(([field]) => field)).not.toContain('timestamp');
      }),
    );
  });

  test('a name of any length in an address that every server takes, and no more of a character than all of it', () => {
    const nameOf = (name: string) => new Map(noticeFields(aNewPayment(), someTerms({ name }), NOW)).get('name');
    expect(nameOf(`${'长'.repeat(127)}😀${'长'.repeat(900)}`)).toBe(`${'长'.repeat(127)}😀`);
    expect(nameOf(`${'x'.repeat(127)} y`)).toBe('x'.repeat(127));
    // Frameworks of shops trim what cannot be seen.
    expect(nameOf('\u200B月卡\u3000\u200E')).toBe('月卡');
    expect(withParameters('https://s.example/', [['param', 'x\uD83D']])).toBe('https://s.example/?param=x%EF%BF%BD');
  });

  test('in version 2, and by RSA, names the moment', () => {
    for (const terms of [someTerms({ version: 2 }), someTerms({ sign: 'rsa' })]) {
      expect(new Map(noticeFields(aNewPayment(), terms, NOW)).get('timestamp')).toBe(String(NOW / 1_000));
    }
  });

  test('stands behind the address as it was sent, escaped as RFC 3986 has it', () => {
    const fields = [['name', "a b+c*'月"]] as const;
    const escaped = 'name=a%20b%2Bc%2A%27%E6%9C%88';
    expect(withParameters('https://s.example/n?method=epay', fields)).toBe(
      `https://s.example/n?method=epay&${escaped}`,
    );
    expect(withParameters('https://s.example/#/order/1', fields)).toBe(`https://s.example/#/order/1?${escaped}`);
    expect(withoutSign('https://s.example/?a=1&sign=abc&sign_type=MD5')).toBe(
      'https://s.example/?a=1&sign=...&sign_type=MD5',
    );
  });
});

describe('F8 an acknowledgement', () => {
  test.each([
    'success',
    'SUCCESS\n',
    '"success"\n',
    '\uFEFFsuccess',
    '<html><body>Success</body></html>',
    'success|order 12',
    'PHP Warning: x in y on line 3\nsuccess',
    '{"code":0,"msg":"success"}',
  ])('is %j', (body) => {
    expect(isAcknowledged(200, body)).toBe(true);
  });

  test.each([
    '',
    'fail',
    'ok',
    'unsuccessful',
    'successful',
    'no success here',
    '{"success":false}',
    '{"ok":false,"msg":"success"}',
    '{"msg":"not success"}',
    `success${' x'.repeat(3_000)}`,
  ])('is not %j', (body) => {
    expect(isAcknowledged(200, body)).toBe(false);
  });

  test.each([301, 302, 400, 403, 404, 500])('is not a status %d, whatever the body says', (status) => {
    expect(isAcknowledged(status, 'success')).toBe(false);
  });
});

describe('types', () => {
  test.each([
    ['alipay', ['alipay']],
    ['wxpay', ['wechatpay']],
    ['WeChat', ['wechatpay']],
    ['usdt', ['usdt']],
    ['usdt_trc20', ['usdt']],
    ['usdt.polygon', ['usdt']],
    ['epusdt', ['usdt']],
    ['bank', ['card', 'bank']],
    ['ecny', []],
  ])('%s is %j', (type, methods) => {
    expect(methodsOfType(type, new Map())).toEqual(methods);
  });

  test('may be set by the operator, and are named back where none was asked for', () => {
    expect(methodsOfType('ecny', new Map([['ecny', ['bank']]]))).toEqual(['bank']);
    expect(['wechatpay', 'card', 'alipay'].map(typeOfMethod)).toEqual(['wxpay', 'bank', 'alipay']);
  });
});
