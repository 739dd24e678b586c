import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromStripeAmount, toStripeAmount } from '../../../channels/stripe/amounts.ts';

test.each([
  ['USD', 1_250, 1_250],
  ['JPY', 500, 500],
  ['KRW', 50_000, 50_000],
  // UGX and ISK have no decimals in ISO 4217; Stripe counts hundredths of them.
  ['UGX', 5_000, 500_000],
  ['ISK', 77, 7_700],
  ['KWD', 1_230, 1_230],
  ['HUF', 10_000, 10_000],
])('%s %i in our minor units is %i in Stripe units, and back', (currency, minor, amount) => {
  const asked = toStripeAmount({ minor, currency });
  expect(asked).toEqual({ ok: true, value: { amount, currency: currency.toLowerCase() } });
  expect(fromStripeAmount({ amount, currency: currency.toLowerCase() })).toEqual({ minor, currency });
});

test.each([
  ['a fraction that Stripe does not take', 'KWD', 1_234],
  ['more than eight digits', 'USD', 100_000_000],
  ['more than eight digits after scaling', 'UGX', 1_000_000],
  ['a currency that Stripe has not', 'USDT', 1_000_000],
  ['a currency that the two sides count differently', 'MGA', 1_000],
  ['a currency with an exponent that Stripe does not document', 'CLF', 1_000],
  ['a code that is no currency', 'ABC', 100],
])('%s cannot be expressed', (_what, currency, minor) => {
  expect(toStripeAmount({ minor, currency })).toEqual({ ok: false, error: 'not_expressible' });
});

test.each([
  ['a hundredth of a currency without decimals', 'isk', 7_750],
  ['nothing', 'usd', 0],
  ['less than nothing', 'usd', -5],
  ['an unknown currency', 'zzz', 100],
])('%s from Stripe is no amount of ours', (_what, currency, amount) => {
  expect(fromStripeAmount({ amount, currency })).toBeNull();
});

test('whatever can be asked for comes back as the same amount', () => {
  const currencies = fc.constantFrom('USD', 'EUR', 'JPY', 'VND', 'UGX', 'ISK', 'KWD', 'BHD', 'CNY');
  fc.assert(
    fc.property(currencies, fc.integer({ min: 1, max: 99_999_999 }), (currency, minor) => {
      const asked = toStripeAmount({ minor, currency });
      if (asked.ok) expect(fromStripeAmount(asked.value)).toEqual({ minor, currency });
    }),
  );
});
