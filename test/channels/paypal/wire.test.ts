import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromPayPalAmount, toPayPalAmount } from '../../../channels/paypal/amounts.ts';
import { openCertificates, trustedLeaf } from '../../../channels/paypal/certificates.ts';
import { paypalConfigSchema } from '../../../channels/paypal/config.ts';
import { errorOfAnswer } from '../../../channels/paypal/errors.ts';
import { signedText } from '../../../channels/paypal/signature.ts';
import { observeOrder, observeRefund } from '../../../channels/paypal/status.ts';
import { issueCertificate } from '../../../src/channel/sandbox/index.ts';
import { currencyExponent } from '../../../src/payment/index.ts';

const NOW = Date.UTC(2026, 5, 1);
const YEAR = 365 * 24 * 3_600_000;

const GOOD = {
  client_id: `A${'bC3-_'.repeat(15)}`,
  client_secret: `E${'xY9-_'.repeat(15)}`,
  webhook_id: '1JE4291016473214C',
  merchant_id: 'X5XAHHCG636FA',
};

describe('amounts', () => {
  test('come back as they went, in every currency that PayPal takes', () => {
    const currencies = fc.constantFrom('USD', 'EUR', 'JPY', 'HUF', 'TWD', 'CNY', 'THB');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), currencies, (n, currency) => {
        const isWhole = ['JPY', 'HUF', 'TWD'].includes(currency);
        const minor = isWhole ? n * 10 ** currencyExponent(currency) : n;
        if (minor > 1e13) return;
        const sent = toPayPalAmount({ minor, currency });
        if (!sent.ok) throw new Error(sent.error);
        if (isWhole) expect(sent.value.value).toMatch(/^\d+$/);
        expect(fromPayPalAmount(sent.value)).toEqual({ minor, currency });
      }),
    );
  });

  test.each(['1e3', '-1.00', '1.005', '', ' 1', '0.00', '١'])('%j is none', (value) => {
    expect(fromPayPalAmount({ currency_code: 'USD', value })).toBeNull();
  });
});

describe('errors', () => {
  const said = (status: number, body: unknown) => {
    const { kind, created, reason } = errorOfAnswer(status, typeof body === 'string' ? body : JSON.stringify(body));
    return [kind, created, reason].filter(Boolean).join(' ');
  };

  test.each([
    ...['INSTRUMENT_DECLINED', 'PAYER_CANNOT_PAY', 'PAYER_ACCOUNT_LOCKED_OR_CLOSED'].map((i) => [i, 'DECLINED no']),
    ...['REDIRECT_PAYER_FOR_ALTERNATE_FUNDING', 'TRANSACTION_BLOCKED_BY_PAYEE'].map((i) => [i, 'DECLINED no']),
    ...['MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED', 'TRANSACTION_LIMIT_EXCEEDED'].map((i) => [i, 'DECLINED no']),
    ...['TRANSACTION_REFUSED', 'COMPLIANCE_VIOLATION', 'TRANSACTION_DISPUTED'].map((i) => [i, 'RISK_REJECTED no']),
    ...['INVALID_PARAMETER_VALUE', 'MISSING_REQUIRED_PARAMETER', 'CURRENCY_NOT_SUPPORTED', 'DECIMAL_PRECISION'].map(
      (i) => [i, 'INVALID_REQUEST no'],
    ),
    ...['ORDER_NOT_APPROVED', 'PAYER_ACTION_REQUIRED', 'PAYPAL_REQUEST_ID_REQUIRED'].map((i) => [
      i,
      'INVALID_REQUEST no',
    ]),
    ...['CAPTURE_FULLY_REFUNDED', 'REFUND_AMOUNT_EXCEEDED', 'REFUND_TIME_LIMIT_EXCEEDED', 'PENDING_CAPTURE'].map(
      (i) => [i, 'INVALID_REQUEST no'],
    ),
    ['DUPLICATE_INVOICE_ID', 'DUPLICATE maybe'],
    ['ORDER_ALREADY_CAPTURED', 'ALREADY_PAID maybe'],
    ['ORDER_COMPLETION_IN_PROGRESS', 'CHANNEL_TIMEOUT_UNKNOWN maybe'],
    ['INVALID_RESOURCE_ID', 'NOT_FOUND no'],
    ['PERMISSION_DENIED', 'AUTH_MISCONFIGURED no'],
    ['PAYEE_ACCOUNT_LOCKED_OR_CLOSED', 'AUTH_MISCONFIGURED no frozen'],
    ['TRANSACTION_RECEIVING_LIMIT_EXCEEDED', 'CHANNEL_UNAVAILABLE no quota'],
    ['REFUND_FAILED_INSUFFICIENT_FUNDS', 'INSUFFICIENT_BALANCE no'],
    ['A_NEW_ONE', 'CHANNEL_TIMEOUT_UNKNOWN maybe unmapped_code'],
  ])('%s is %s', (issue, expected) => {
    expect(said(422, { name: 'UNPROCESSABLE_ENTITY', details: [{ issue }] })).toBe(expected);
    // A server that has failed proves nothing, whatever it says.
    expect(said(500, { name: 'INTERNAL_SERVER_ERROR', details: [{ issue }] })).toBe('CHANNEL_TIMEOUT_UNKNOWN maybe');
  });

  test.each([
    [401, { error: 'invalid_client' }, 'AUTH_MISCONFIGURED no'],
    [403, { name: 'NOT_AUTHORIZED' }, 'AUTH_MISCONFIGURED no'],
    [404, '', 'NOT_FOUND no'],
    [409, { name: 'RESOURCE_CONFLICT' }, 'CHANNEL_TIMEOUT_UNKNOWN maybe'],
    [429, '<html>', 'RATE_LIMITED no'],
    [503, '<html>', 'CHANNEL_TIMEOUT_UNKNOWN maybe'],
    [302, '', 'CHANNEL_TIMEOUT_UNKNOWN maybe unmapped_code'],
  ])('%i %j is %s', (status, body, expected) => {
    expect(said(status, body)).toBe(expected);
  });
});

describe('states', () => {
  const amount = { currency_code: 'USD', value: '1.00' };
  const order = (status: string, ...captures: string[]) =>
    observeOrder({
      id: 'ORDER1',
      status,
      purchase_units: [
        { amount, payments: { captures: captures.map((one) => ({ id: 'CAPTURE1', status: one, amount })) } },
      ],
    }).state;

  test.each([
    ['CREATED', 'open'],
    ['SAVED', 'open'],
    ['PAYER_ACTION_REQUIRED', 'open'],
    ['APPROVED', 'approved'],
    ['VOIDED', 'closed'],
    ['COMPLETED', 'unclear'],
    ['SETTLED', 'unclear'],
  ])('an order that is %s, with nothing captured, is %s', (status, state) => {
    expect(order(status)).toBe(state);
  });

  test.each([
    [['COMPLETED'], 'succeeded'],
    [['PARTIALLY_REFUNDED'], 'succeeded'],
    [['REFUNDED'], 'succeeded'],
    [['PENDING'], 'open'],
    [['DECLINED'], 'failed'],
    [['FAILED'], 'failed'],
    [['REVERSED'], 'failed'],
    [['PAID_LATER'], 'unclear'],
    [['DECLINED', 'COMPLETED', 'DECLINED'], 'succeeded'],
    [['DECLINED', 'PENDING'], 'open'],
  ])('captures that are %j make it %s, whatever the order says', (captures, state) => {
    for (const status of ['APPROVED', 'COMPLETED', 'VOIDED']) expect(order(status, ...captures)).toBe(state);
  });

  test.each([
    ['PENDING', 'pending'],
    ['COMPLETED', 'succeeded'],
    ['FAILED', 'failed'],
    ['CANCELLED', 'failed'],
    ['RETURNED', 'unclear'],
  ])('a refund that is %s is %s', (status, state) => {
    expect(observeRefund({ id: 'REFUND1', status }, 'us').state).toBe(state);
  });
});

describe('credentials', () => {
  test.each([
    ['webhook_id', 'WEBHOOK_ID'],
    ['webhook_id', ''],
    ['merchant_id', 'shop@example.com'],
    ['client_id', 'short'],
    ['client_secret', `with a space ${'x1y2'.repeat(8)}`],
    ['base_url', 'http://api.paypal.example'],
    ['base_url', 'https://user:pass@proxy.example'],
    ['webhook_ca', 'no certificate'],
    ['environment', 'test'],
  ])('%s: %j is refused', (name, value) => {
    expect(paypalConfigSchema.safeParse(GOOD).success).toBe(true);
    expect(paypalConfigSchema.safeParse({ ...GOOD, [name]: value }).success).toBe(false);
  });
});

test('the signed text ends in the CRC-32 of the raw body, unsigned and decimal', () => {
  expect(crc32('123456789')).toBe(3421780262);
  const body = Buffer.from('{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}');
  const transmission = { id: 'a-1', time: '2026-01-01T00:00:00Z', signature: new Uint8Array(), certificateUrl: '' };
  expect(signedText(transmission, 'WEBHOOK1', body)).toBe('a-1|2026-01-01T00:00:00Z|WEBHOOK1|2325436976');
});

test.each([
  ['https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-5edc0ebc', true],
  ['https://api-m.paypal.com/v1/notifications/certs/CERT-1', true],
  ['https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1', false],
  ['http://api.paypal.com/v1/notifications/certs/CERT-1', false],
  ['https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1', false],
  ['https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1', false],
  ['https://evil.example/https://api.paypal.com/v1/notifications/certs/CERT-1', false],
  ['https://api.paypal.com:8443/v1/notifications/certs/CERT-1', false],
  ['https://api.paypal.com/v1/notifications/certs/../../oauth2/token', false],
  ['https://api.paypal.com/v1/notifications/certs/CERT-1?x=1', false],
  ['https://api.paypal.com/v1/notifications/certs/', false],
  ['https://169.254.169.254/v1/notifications/certs/CERT-1', false],
])('a certificate may come from %s: %s', (address, expected) => {
  const transport = { send: () => Promise.reject(new Error('nothing is fetched')), close: async () => {} };
  expect(openCertificates(GOOD, transport, () => NOW).isAddress(address)).toBe(expected);
});

describe('a chain of certificates', () => {
  const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [root, middle, leaf, stranger] = [pair(), pair(), pair(), pair()];
  let serial = 10;
  const issue = (
    commonName: string,
    keys: typeof root,
    issuer: { commonName: string; privateKey: typeof root.privateKey },
    set: { isAuthority?: boolean; from?: number; to?: number } = {},
  ) =>
    issueCertificate({
      serial: `5${String(++serial).padStart(3, '0')}`,
      commonName,
      notBefore: new Date(set.from ?? NOW - YEAR),
      notAfter: new Date(set.to ?? NOW + YEAR),
      publicKey: keys.publicKey,
      issuer,
      isAuthority: set.isAuthority ?? false,
    });
  const byRoot = { commonName: 'Root', privateKey: root.privateKey };
  const byMiddle = { commonName: 'Middle', privateKey: middle.privateKey };
  const OWNER = 'messageverificationcerts.paypal.com';
  const authority = { isAuthority: true };
  const anchors = [new X509Certificate(issue('Root', root, byRoot, authority))];
  const between = issue('Middle', middle, byRoot, authority);
  const isTrusted = (...pem: string[]) => trustedLeaf(pem.join('\n'), anchors, NOW) !== null;

  test('is followed to an authority, over another one or straight', () => {
    expect(isTrusted(issue(OWNER, leaf, byRoot))).toBe(true);
    expect(isTrusted(issue(OWNER, leaf, byMiddle), between)).toBe(true);
  });

  test.each<[string, () => string[]]>([
    ['whose middle is missing', () => [issue(OWNER, leaf, byMiddle)]],
    ['of a stranger with the right names', () => [issue(OWNER, leaf, { ...byRoot, privateKey: stranger.privateKey })]],
    ['made out to somebody else', () => [issue('paypal.com.evil.example', leaf, byRoot)]],
    ['made out to somebody with a name like it', () => [issue('evilpaypal.com', leaf, byRoot)]],
    ['whose middle may not sign', () => [issue(OWNER, leaf, byMiddle), issue('Middle', middle, byRoot)]],
    ['that has ended', () => [issue(OWNER, leaf, byRoot, { to: NOW - 1_000 })]],
    ['that has not begun', () => [issue(OWNER, leaf, byRoot, { from: NOW + 1_000 })]],
    [
      'whose middle has ended',
      () => [issue(OWNER, leaf, byMiddle), issue('Middle', middle, byRoot, { ...authority, to: NOW })],
    ],
    ['that begins with an authority', () => [issue(OWNER, leaf, byRoot, authority)]],
    ['signed by itself', () => [issue(OWNER, leaf, { commonName: OWNER, privateKey: leaf.privateKey })]],
    ['of garbage', () => ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']],
    ['of nothing', () => ['']],
  ])('%s is not trusted', (_, chain) => {
    expect(isTrusted(...chain())).toBe(false);
  });
});
