import fc from 'fast-check';

/** What anybody may send; the seeds of fuzz.test.ts make it repeatable. */

const CHANNELS = [
  'alipay-main',
  'alipay-backup',
  'wechatpay-main',
  'stripe-main',
  'paypal-main',
  'epay-upstream',
  'usdt-main',
];
const ORDER_FIELDS = [
  ...['merchant_order_no', 'amount', 'currency', 'methods', 'scene', 'subject', 'customer', 'metadata', 'expires_in'],
  ...['notify_url', 'return_url', 'channel', '__proto__', 'constructor', 'toString', ''],
];
const AWKWARD: readonly unknown[] = [
  ...[-1, 0, 1.5, 1e308, 2 ** 53, 10 ** 13, 10 ** 13 + 1, null, true, '', ' ', '\u0000', '\ud800', [], {}],
  ...['USD', 'JPY', 'USDT', 'cny', 'XXX', 'inapp', 'wap', 'stripe-main', ['card'], ['usdt', 'alipay']],
];
const BROKEN_JSON = ['[', '{"a":', '{"amount":1,"amount":2}', '\u{feff}{}', '[['.repeat(20_000), '1e999', '{"a":1}{'];

const words = (...texts: readonly string[]) => fc.constantFrom(...texts.flatMap((text) => text.split(' ')));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 600 }));
const encodedText = anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent);
const anyValue = fc.oneof(fc.jsonValue({ maxDepth: 3 }), anyText, fc.constantFrom(...AWKWARD));

const wildChange = fc.tuple(fc.constantFrom(...ORDER_FIELDS), fc.option(anyValue, { nil: undefined }));
/** What is well-formed, but perhaps not together: no channel may take it. */
const plausibleChange = fc.oneof(
  ...[field('amount', fc.integer({ min: 1, max: 10 ** 9 })), field('scene', words('redirect qr wap inapp'))],
  field('currency', words('CNY USD JPY EUR KWD USDT')),
  field('methods', fc.uniqueArray(words('alipay wechatpay card paypal'), { minLength: 1 })),
  ...[field('channel', fc.constantFrom(...CHANNELS, 'nobody')), field('subject', fc.string({ minLength: 1 }))],
);

/** Up to three changes to an order; undefined takes a field away. */
export const orderChanges = fc.oneof(
  fc.array(wildChange, { maxLength: 3 }),
  fc.array(plausibleChange, { maxLength: 4 }),
);

function field(name: string, value: fc.Arbitrary<unknown>) {
  return fc.tuple(fc.constant(name), value);
}

/** A body: bytes, JSON, or what looks like JSON. */
export const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.json({ maxDepth: 4 }).map(bytesOf),
  fc.constantFrom(...BROKEN_JSON).map(bytesOf),
);

/** All that HTTP lets stand in a header. */
export const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 300,
});

/** All that HTTP lets stand in a request's target. */
const targetText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 80,
});

const anySegment = fc.oneof(
  targetText.map((text) => text.replaceAll(/[/?#]/g, '')),
  encodedText,
  words('% %zz %00 %c0%af .. . %2e%2e%2f %2f %5c pay_ __proto__', `pay_${'0'.repeat(26)}`),
);

export const anyMethod = words('GET POST PUT PATCH DELETE OPTIONS HEAD PROPFIND');

/** A list of the API with a query. */
export const listTarget = fc
  .tuple(
    words('/v1/payments /v1/events'),
    fc.array(
      fc.tuple(
        fc.oneof(words('merchant_order_no status created_after created_before limit cursor after'), targetText),
        fc.oneof(
          ...[targetText, encodedText],
          words('0 1 100 101 -1 1e2 9999999999999999999 pending AAAA eyJ9'),
          words('2026-01-31T08:00:00Z +275760-09-13T00:00:00Z'),
        ),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([path, pairs]) => `${path}?${pairs.map((pair) => pair.join('=')).join('&')}`);

/** A path below `/v1/` with anything for its ids and names. */
export const apiTarget = fc.oneof(
  fc.tuple(words('/v1/payments/ /v1/events/ /v1/'), anySegment).map((parts) => parts.join('')),
  fc
    .tuple(anySegment, words('close sync fulfilment refunds routing redeliver refunds/x'))
    .map(([id, verb]) => `/v1/payments/${id}/${verb}`),
  fc.tuple(anySegment, anySegment).map(([one, other]) => `/v1/${one}/${other}`),
);

/** A path of the cashier, of its assets, or of nothing. */
export const cashierTarget = fc.oneof(
  fc.tuple(anySegment, words('/ /state /go /paid /paid?x ?checked')).map(([id, rest]) => `/pay/${id}${rest}`),
  ...[anySegment.map((name) => `/pay/assets/${name}`), targetText.map((text) => `/${text}`)],
  words('/ // /pay /pay/ /callbacks /v1 /v1/ /% /pay/%ff/go /openapi.json /metrics /admin/status'),
);

/** A callback that knows an order number and the time, and signs nothing. */
export function callback(providerRef: string, now: number) {
  const seconds = String(Math.floor(now / 1000));
  const header = fc.tuple(
    words('stripe-signature wechatpay-signature wechatpay-timestamp wechatpay-nonce wechatpay-serial content-type'),
    fc.oneof(headerText, words(seconds, `t=${seconds},v1=${'0'.repeat(64)}`, 'PUB_KEY_ID_0')),
  );
  const field = fc.tuple(
    words('out_trade_no sign sign_type app_id seller_id notify_type trade_status total_amount'),
    fc.oneof(targetText, words(providerRef, 'RSA2 TRADE_SUCCESS 10.00 trade_status_sync')),
  );
  return fc.record({
    method: anyMethod,
    target: fc
      .tuple(fc.oneof(fc.constantFrom(...CHANNELS), anySegment), fc.option(anySegment))
      .map(([channel, token]) => `/callbacks/${channel}${token === null ? '' : `/${token}`}`),
    headers: fc.array(header, { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
    body: fc.oneof(
      anyBytes,
      fc.array(field).map((pairs) => bytesOf(pairs.map((pair) => pair.join('=')).join('&'))),
    ),
  });
}

/** Bytes on a connection that begin like HTTP, or not. */
export const rawRequest = fc
  .tuple(
    fc.constantFrom(
      ...['', 'GET ', 'GET / HTTP/1.1\r\n', 'POST /v1/payments HTTP/1.1\r\nContent-Length: 5\r\n\r\n'],
      'POST /callbacks/alipay-main HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ),
    fc.uint8Array({ maxLength: 200 }),
  )
  .map(([start, bytes]) => Buffer.concat([Buffer.from(start), bytes]));
