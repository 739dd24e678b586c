import { describe, expect, test } from 'vitest';
import { feedsBreaker } from '../../../src/channel/index.ts';
import { aFreePort } from '../../services/free-port.ts';
import { soon, startStage } from './stage.ts';

/** `channels.md` 2.6: code, HTTP status, our kind, and whether an order may exist. */
const CODES = [
  ['SYSTEM_ERROR', 500, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['SYSTEMERROR', 500, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['BANK_ERROR', 500, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['BANKERROR', 500, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['USERPAYING', 202, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['ACCEPT', 202, 'CHANNEL_TIMEOUT_UNKNOWN', 'maybe'],
  ['PARAM_ERROR', 400, 'INVALID_REQUEST', 'no'],
  ['INVALID_REQUEST', 400, 'INVALID_REQUEST', 'no'],
  ['INVALID_TRANSACTIONID', 500, 'INVALID_REQUEST', 'no'],
  ['OPENID_MISMATCH', 500, 'INVALID_REQUEST', 'no'],
  ['OUT_TRADE_NO_USED', 403, 'DUPLICATE', 'maybe'],
  ['ORDERPAID', 400, 'ALREADY_PAID', 'maybe'],
  ['ORDER_CLOSED', 400, 'ALREADY_CLOSED', 'no'],
  ['ORDER_NOT_EXIST', 404, 'NOT_FOUND', 'no'],
  ['ORDERNOTEXIST', 404, 'NOT_FOUND', 'no'],
  ['RESOURCE_NOT_EXISTS', 404, 'NOT_FOUND', 'no'],
  ['SIGN_ERROR', 401, 'AUTH_MISCONFIGURED', 'no'],
  ['APPID_MCHID_NOT_MATCH', 400, 'AUTH_MISCONFIGURED', 'no'],
  ['MCH_NOT_EXISTS', 400, 'AUTH_MISCONFIGURED', 'no'],
  ['NO_AUTH', 403, 'AUTH_MISCONFIGURED', 'no'],
  ['NOAUTH', 403, 'AUTH_MISCONFIGURED', 'no'],
  ['RULE_LIMIT', 403, 'DECLINED', 'no'],
  ['RULELIMIT', 403, 'DECLINED', 'no'],
  ['TRADE_ERROR', 403, 'DECLINED', 'no'],
  ['ACCOUNT_ERROR', 403, 'DECLINED', 'no'],
  ['NOT_ENOUGH', 403, 'DECLINED', 'no'],
  ['USER_ACCOUNT_ABNORMAL', 403, 'DECLINED', 'no'],
  ['REQUEST_BLOCKED', 403, 'RISK_REJECTED', 'no'],
  ['FREQUENCY_LIMITED', 429, 'RATE_LIMITED', 'no'],
  ['FREQUENCY_LIMIT_EXCEED', 429, 'RATE_LIMITED', 'no'],
] as const;

describe('what WeChat answers', () => {
  test.each(CODES)('%s (%i) on create is %s, an order: %s', async (code, status, kind, created) => {
    const { adapter, anOrder, settings } = await startStage();
    await settings({ refuse_with: { status, code, message: 'some words' } });
    expect(await adapter.create(anOrder(), soon())).toEqual({
      ok: false,
      error: { kind, created, providerCode: code },
    });
  });

  test('a merchant who may not receive money any more is frozen', async () => {
    const { adapter, anOrder, settings } = await startStage();
    await settings({
      refuse_with: { status: 403, code: 'NO_AUTH', message: '该商户号的收款功能已被限制，请联系客服' },
    });
    expect(await adapter.create(anOrder(), soon())).toEqual({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no', reason: 'frozen', providerCode: 'NO_AUTH' },
    });
  });

  test.each([400, 403, 500, 503])('a code that nobody knows (%i) leaves the order in doubt', async (status) => {
    const { adapter, anOrder, settings } = await startStage();
    await settings({ refuse_with: { status, code: 'BRAND_NEW', message: '' } });
    expect(await adapter.create(anOrder(), soon())).toEqual({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'unmapped_code', providerCode: 'BRAND_NEW' },
    });
  });

  test('a code full of control characters comes out harmless', async () => {
    const { adapter, anOrder, settings } = await startStage();
    await settings({ refuse_with: { status: 400, code: 'X\n"y"\u001b[31m', message: '' } });
    expect(await adapter.create(anOrder(), soon())).toMatchObject({ error: { providerCode: 'X??y???31m' } });
  });

  test('only WeChat’s own word for a missing order is absence: a wrong address is an error', async () => {
    const { adapter, anOrder, refOf, settings } = await startStage();
    await settings({ refuse_with: { status: 404, code: 'RESOURCE_NOT_EXISTS', message: '' } });
    expect(await adapter.query(refOf(anOrder()), soon())).toMatchObject({ ok: false, error: { kind: 'NOT_FOUND' } });
    expect(await adapter.close(refOf(anOrder()), soon())).toMatchObject({ ok: false, error: { kind: 'NOT_FOUND' } });
  });

  test.each([
    ['a wrong private key', 'appid', { private_key: undefined }],
    ['an unknown serial number', 'serial_no', { serial_no: '5'.padEnd(40, 'A') }],
    ['another merchant number', 'mchid', { mchid: '1900999999' }],
    ['another app id', 'appid', { appid: 'wxffffffffffffffff' }],
  ])('%s is the operator’s mistake', async (_what, _field, set) => {
    const stage = await startStage();
    const { generateKeyPairSync } = await import('node:crypto');
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const adapter = stage.openAdapter('private_key' in set ? { private_key: other } : set);
    expect(await adapter.create(stage.anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no' },
    });
  });

  test('our clock more than five minutes off is the operator’s mistake', async () => {
    const { adapter, anOrder, skewAdapter } = await startStage();
    skewAdapter(-301_000);
    expect(await adapter.create(anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'AUTH_MISCONFIGURED', created: 'no', providerCode: 'SIGN_ERROR' },
    });
  });
});

describe('no answer', () => {
  test('nobody listens: the channel is unavailable and there is no order', async () => {
    const { openAdapter, anOrder } = await startStage();
    const adapter = openAdapter({ base_url: `http://127.0.0.1:${await aFreePort()}/wechatpay-main` });
    const created = await adapter.create(anOrder(), soon());
    expect(created).toEqual({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no', providerCode: null } });
    expect(!created.ok && feedsBreaker(created.error)).toBe(true);
  });

  test('a name that does not resolve, or a TLS handshake that fails: no order', async () => {
    const { openAdapter, anOrder, host } = await startStage();
    for (const base of ['http://nowhere.invalid', host.url.replace('http:', 'https:')]) {
      const created = await openAdapter({ base_url: base }).create(anOrder(), soon());
      expect(created).toMatchObject({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } });
    }
  });

  test('an abort before anything was sent leaves no order', async () => {
    const { adapter, anOrder, host } = await startStage();
    const created = await adapter.create(anOrder(), AbortSignal.abort());
    expect(created).toMatchObject({ ok: false, error: { kind: 'CHANNEL_UNAVAILABLE', created: 'no' } });
    expect(host.control.orders('wechatpay-main')).toEqual({ ok: true, value: [] });
  });

  test('an abort after sending leaves the order in doubt, and it may well exist', async () => {
    const { adapter, anOrder, refOf, faults } = await startStage();
    const order = anOrder();
    faults({ timeout_after_create_rate: 1 });
    expect(await adapter.create(order, AbortSignal.timeout(200))).toEqual({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'timeout', providerCode: null },
    });
    expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state: 'open' } });
  });

  test.each(['reset_before', 'reset_after', 'html_502', 'truncated'] as const)(
    'answer fault %s leaves the order in doubt',
    async (answer) => {
      const { adapter, anOrder, refOf, faults } = await startStage();
      const order = anOrder();
      faults({ answer });
      const created = await adapter.create(order, soon());
      expect(created).toEqual({
        ok: false,
        error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: null },
      });
      expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: false, error: { created: 'maybe' } });
      faults({});
      const state = answer === 'reset_before' ? 'absent' : 'open';
      expect(await adapter.query(refOf(order), soon())).toMatchObject({ ok: true, value: { state } });
    },
  );

  test('a body that never ends is cut off by the signal', async () => {
    const { adapter, anOrder, faults } = await startStage();
    faults({ answer: 'slow_body' });
    expect(await adapter.create(anOrder(), AbortSignal.timeout(300))).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', reason: 'timeout' },
    });
  });

  test('WeChat’s own internal error leaves the order in doubt', async () => {
    const { adapter, anOrder, faults } = await startStage();
    faults({ error_rate: 1 });
    expect(await adapter.create(anOrder(), soon())).toMatchObject({
      ok: false,
      error: { kind: 'CHANNEL_TIMEOUT_UNKNOWN', created: 'maybe', providerCode: 'SYSTEM_ERROR' },
    });
  });

  test('a create whose answer was lost is told from one that never arrived', async () => {
    const { adapter, anOrder, refOf, faults } = await startStage();
    const lost = anOrder();
    faults({ answer: 'reset_after' });
    await adapter.create(lost, soon());
    faults({});
    expect(await adapter.close(refOf(lost), soon())).toMatchObject({ ok: true, value: { state: 'closed' } });
  });
});
