import { expect, test } from 'vitest';
import { aKeyPair } from './notice.ts';
import {
  asked,
  createQr,
  ORDER,
  PAID,
  signatureOf,
  signedBody,
  startScriptedGateway,
  unknown,
} from './scripted-gateway.ts';
import { patient } from './stage.ts';

const FORGED = unknown({ reason: 'forged_response' });

test('a signed answer is read', async () => {
  expect(await asked(signedBody('alipay_trade_query_response', JSON.stringify(PAID)))).toEqual({
    ok: true,
    value: {
      state: 'succeeded',
      account: '2021000000000001',
      amount: { minor: 1050, currency: 'CNY' },
      channelTradeNo: '2026',
      paidAt: null,
      error: null,
    },
  });
});

test('an answer without a signature, with an empty, a foreign or a misplaced one is forged', async () => {
  const key = 'alipay_trade_query_response';
  const content = JSON.stringify(PAID);
  const sign = signatureOf(content);
  const bodies = [
    `{"${key}":${content}}`,
    `{"${key}":${content},"sign":""}`,
    `{"${key}":${content},"sign":null}`,
    `{"${key}":${content},"sign":7}`,
    `{"${key}":${content},"Sign":"${sign}"}`,
    `{"${key}":${content.replace('10.50', '10.51')},"sign":"${sign}"}`,
    `{"${key}":"${sign}","sign":"${sign}"}`,
    signedBody(key, content, aKeyPair()),
    signedBody('alipay_trade_close_response', content),
  ];
  const gateway = await startScriptedGateway();
  for (const body of bodies.slice(0, -1)) expect(await asked(body, gateway), body).toEqual(FORGED);
  expect(await asked(bodies.at(-1) ?? '', gateway)).toMatchObject(unknown());
});

test('a second copy of the response key cannot smuggle unsigned content past the signature', async () => {
  const open = JSON.stringify({ ...PAID, trade_status: 'WAIT_BUYER_PAY' });
  const genuine = signedBody('alipay_trade_query_response', open).slice(0, -1);
  const smuggled = [
    `${genuine},"alipay_trade_query_response":${JSON.stringify(PAID)}}`,
    `${genuine},"alipay_trade_query_respons\\u0065":${JSON.stringify(PAID)}}`,
    `{"alipay_trade_query_response":${JSON.stringify(PAID)},${genuine.slice(1)}}`,
  ];
  const gateway = await startScriptedGateway();
  for (const body of smuggled) {
    const seen = await asked(body, gateway);
    expect(seen.ok && seen.value.state === 'succeeded', body).toBe(false);
  }
});

test('a genuine answer about another order is not taken for ours', async () => {
  const other = JSON.stringify({ ...PAID, out_trade_no: '01jzzzzzzzzzzzzzzzzzzzzzzz02' });
  expect(await asked(signedBody('alipay_trade_query_response', other))).toEqual(FORGED);
  const gateway = await startScriptedGateway();
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_close_response', other)));
  expect(await gateway.adapter.close(ORDER, patient())).toEqual(FORGED);
  const qr = JSON.stringify({ code: '10000', out_trade_no: 'another', qr_code: 'https://qr.alipay.com/x' });
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_precreate_response', qr)));
  expect(await createQr(gateway.adapter)).toEqual(FORGED);
});

test.each([
  ['isv.invalid-signature', '40002', { kind: 'AUTH_MISCONFIGURED', created: 'no' }],
  ['isv.app-call-limited', '40005', { kind: 'RATE_LIMITED', created: 'no' }],
  ['isv.invalid-format', '40002', { kind: 'INVALID_REQUEST', created: 'no' }],
  ['ACQ.SYSTEM_ERROR', '20000', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe' }],
  ['ACQ.TRADE_NOT_EXIST', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' }],
  ['ACQ.BUYER_SELLER_EQUAL', '40004', { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'forged_response' }],
])(
  'an unsigned error_response %s is believed only where it refuses at the entrance',
  async (sub_code, code, expected) => {
    const content = JSON.stringify({ code, msg: 'x', sub_code });
    const gateway = await startScriptedGateway();
    for (const body of [`{"error_response":${content}}`, signedBody('error_response', content)]) {
      expect(await asked(body, gateway), body).toMatchObject({ ok: false, error: expected });
    }
  },
);

test.each(['', 'OK', '<html>sorry</html>', '[]', 'null', '7', '{"alipay_trade_query_response":{"code":"10000"'])(
  'a body that is no answer (%j) settles nothing',
  async (body) => {
    expect(await asked(body)).toMatchObject(unknown());
  },
);

test('a signed success without what it must say settles nothing', async () => {
  const gateway = await startScriptedGateway();
  const content = '{"code":"10000"}';
  gateway.answerWith((response) => response.end(signedBody('alipay_trade_precreate_response', content)));
  expect(await createQr(gateway.adapter)).toEqual(unknown());
  expect(await asked(signedBody('alipay_trade_query_response', content), gateway)).toEqual(unknown());
});

test('the time on a request is in GMT+8, whatever the zone of the machine', async () => {
  const gateway = await startScriptedGateway();
  await gateway.adapter.probe(patient());
  const [arrived] = gateway.arrived;
  const sentAt = Date.parse(`${arrived?.query.get('timestamp')?.replace(' ', 'T')}+08:00`);
  expect(Math.abs(sentAt - Date.now())).toBeLessThan(60_000);
  expect(arrived?.query.get('sign_type')).toBe('RSA2');
});

test('a probe asks for a number that nobody was ever given', async () => {
  const gateway = await startScriptedGateway();
  const answerCode = (code: string, sub_code: string) =>
    gateway.answerWith((response) =>
      response.end(signedBody('alipay_trade_query_response', JSON.stringify({ code, sub_code }))),
    );
  answerCode('40004', 'ACQ.TRADE_NOT_EXIST');
  expect(await gateway.adapter.probe(patient())).toEqual({ ok: true, value: undefined });
  expect(gateway.arrived[0]?.form.get('biz_content')).toMatch(/^\{"out_trade_no":"probe_[0-9a-f]{24}"\}$/);
  answerCode('20000', 'ACQ.SYSTEM_ERROR');
  expect(await gateway.adapter.probe(patient())).toMatchObject({
    ok: false,
    error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN' },
  });
});
