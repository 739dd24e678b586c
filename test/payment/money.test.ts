import { dinero, toDecimal } from 'dinero.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AMOUNT_MINOR_MAX,
  currencyExponent,
  feeMinorCeil,
  fromDecimalString,
  isCurrency,
  money,
  toDecimalString,
} from '../../src/payment/index.ts';

const anyCurrency = fc.constantFrom('CNY', 'USD', 'JPY', 'KWD', 'USDT');
const anyAmount = fc.integer({ min: 1, max: AMOUNT_MINOR_MAX });

describe('money', () => {
  test.each([
    [{ minor: 1, currency: 'CNY' }, '0.01'],
    [{ minor: 1050, currency: 'CNY' }, '10.50'],
    [{ minor: 5, currency: 'JPY' }, '5'],
    [{ minor: 1234, currency: 'KWD' }, '1.234'],
    [{ minor: 1, currency: 'USDT' }, '0.000001'],
    [{ minor: AMOUNT_MINOR_MAX, currency: 'CNY' }, '100000000000.00'],
  ])('%j is written as %s', (amount, text) => {
    expect(toDecimalString(amount)).toBe(text);
  });

  test('every amount is written as the money library writes it', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), anyCurrency, (minor, currency) => {
        const exponent = currencyExponent(currency);
        const expected = toDecimal(dinero({ amount: minor, currency: { code: currency, base: 10, exponent } }));
        expect(toDecimalString({ minor, currency })).toBe(expected);
      }),
    );
  });

  test('what is written is read back, for every amount and currency', () => {
    fc.assert(
      fc.property(anyAmount, anyCurrency, (minor, currency) => {
        const amount = money(minor, currency);
        expect(fromDecimalString(toDecimalString(amount), currency)).toEqual({ ok: true, value: amount });
      }),
    );
  });

  test.each([
    '',
    '0',
    '0.00',
    '-1.00',
    '+1',
    '1e3',
    '0x10',
    '1.005',
    '1,000.00',
    ' 1.00',
    '1.',
    '.5',
    'NaN',
    '1.00\n',
    '٣',
    '100000000000.01',
  ])('%j is no amount of yuan', (text) => {
    expect(fromDecimalString(text, 'CNY')).toEqual({ ok: false, error: 'not_an_amount' });
  });

  test('further zeros are let pass, since some providers print them', () => {
    expect(fromDecimalString('10.5000', 'CNY')).toEqual({ ok: true, value: { minor: 1050, currency: 'CNY' } });
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, AMOUNT_MINOR_MAX + 1])(
    '%d minor units are refused',
    (minor) => {
      expect(() => money(minor, 'CNY')).toThrow(/not an amount/);
    },
  );

  test('currencies are those of ISO 4217 and USDT, in capitals', () => {
    expect(['CNY', 'USD', 'JPY', 'USDT'].every(isCurrency)).toBe(true);
    expect(['cny', 'XXXX', '', 'constructor'].some(isCurrency)).toBe(false);
    expect(currencyExponent('USDT')).toBe(6);
    expect(currencyExponent('MGA')).toBe(2);
  });
});

describe('fees', () => {
  const schedule = { ratePpm: 6_000, fixedMinor: 0, minMinor: 1, maxMinor: null };

  test.each([
    [10_000, 60],
    [10_001, 61],
    [1, 1],
    [AMOUNT_MINOR_MAX, 60_000_000_000],
  ])('0.6%% of %d, at least 1, is %d', (amountMinor, fee) => {
    expect(feeMinorCeil(schedule, amountMinor)).toBe(fee);
  });

  test('fixed part, minimum and maximum count', () => {
    expect(feeMinorCeil({ ratePpm: 29_000, fixedMinor: 30, minMinor: 0, maxMinor: null }, 1_000)).toBe(59);
    expect(feeMinorCeil({ ...schedule, minMinor: 50 }, 100)).toBe(50);
    expect(feeMinorCeil({ ...schedule, maxMinor: 500 }, 10_000_000)).toBe(500);
  });

  test('a fee is never under-quoted and never more than one minor unit above the exact share', () => {
    fc.assert(
      fc.property(anyAmount, fc.integer({ min: 0, max: 1_000_000 }), (amountMinor, ratePpm) => {
        const fee = BigInt(feeMinorCeil({ ratePpm, fixedMinor: 0, minMinor: 0, maxMinor: null }, amountMinor));
        const exactMillionths = BigInt(amountMinor) * BigInt(ratePpm);
        expect(fee * 1_000_000n >= exactMillionths && fee * 1_000_000n < exactMillionths + 1_000_000n).toBe(true);
      }),
    );
  });
});
