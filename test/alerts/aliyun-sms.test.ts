import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aliyunSms } from '../../src/alerts/index.ts';
import { anAlert } from './alert.ts';
import { type FakeAliyun, KEY_SECRET, openAliyun } from './aliyun.ts';

const run = promisify(execFile);
const PHONE = '+8613812345678';
const PATIENT = () => AbortSignal.timeout(10_000);

describe('short messages of Aliyun', () => {
  let aliyun: FakeAliyun;
  beforeAll(async () => {
    aliyun = await openAliyun();
  });
  afterAll(() => aliyun?.close());

  test('load the SDK with the first message, so that whoever sends none does not pay for it', async () => {
    const program = join(import.meta.dirname, 'sdk-loading-process.ts');
    const { stdout } = await run(process.execPath, [program, JSON.stringify(aliyun.settings), PHONE]);
    expect(JSON.parse(stdout)).toEqual({ before: false, after: true, sent: true });
  });

  test('are signed as Aliyun verifies it, and fill the template', async () => {
    const sent = await aliyunSms(PHONE, aliyun.settings).send(
      anAlert({ summary: '支付宝 * 100% (a+b) 😀 失败' }),
      PATIENT(),
    );
    expect(sent).toEqual({ ok: true, value: undefined });
    expect(aliyun.taken.at(-1)).toEqual({
      phone: PHONE,
      params: {
        state: 'PAGE',
        alert: 'ChannelDown',
        summary: '支付宝 * 100% (a+b) 😀 失败',
        more: '-',
        since: '2026-11-27 12:00:00 UTC',
      },
    });
  });

  test('fit into its variables, however long the alert', async () => {
    const sent = await aliyunSms(PHONE, aliyun.settings).send(
      anAlert({ alert: 'A'.repeat(100), summary: `https://x.example/a ${'长'.repeat(300)}` }),
      PATIENT(),
    );
    expect(sent.ok).toBe(true);
    expect([...(aliyun.taken.at(-1)?.params.more ?? '')]).toHaveLength(35);
  });

  test.each([
    { set: { accessKeySecret: `${KEY_SECRET}x` }, error: { code: 'SignatureDoesNotMatch', mayPass: false } },
    { set: { signName: 'other' }, error: { code: 'isv.SMS_SIGNATURE_ILLEGAL', mayPass: false } },
    { set: { variableCharsMax: 50 }, error: { code: 'isv.PARAM_LENGTH_LIMIT', mayPass: false } },
  ])('that Aliyun refuses say why: $error.code', async ({ set, error }) => {
    const sent = await aliyunSms(PHONE, { ...aliyun.settings, ...set }).send(anAlert(), PATIENT());
    expect(sent).toEqual({ ok: false, error });
  });

  test.each([
    { trouble: { code: 'Throttling.User', status: 400 }, mayPass: true },
    { trouble: { code: 'isp.SYSTEM_ERROR' }, mayPass: true },
    { trouble: { code: 'isv.BUSINESS_LIMIT_CONTROL' }, mayPass: false },
    { trouble: { code: 'ServiceUnavailable', status: 503 }, mayPass: true },
  ])('may pass later, or not: $trouble.code', async ({ trouble, mayPass }) => {
    aliyun.troubles.push(trouble);
    const sent = await aliyunSms(PHONE, aliyun.settings).send(anAlert(), PATIENT());
    expect(sent).toEqual({ ok: false, error: { code: trouble.code, mayPass } });
  });

  test('are not begun when time is up already: nobody gets what is said to have failed', async () => {
    const before = aliyun.requests();
    const channel = aliyunSms(PHONE, aliyun.settings);
    const sent = await channel.send(anAlert(), AbortSignal.abort());
    expect(sent).toEqual({ ok: false, error: { code: 'aborted', mayPass: false } });
    await channel.send(anAlert(), PATIENT());
    expect(aliyun.requests() - before).toBe(1);
  });

  test('that fail after time is up harm nobody', async () => {
    const unhandled: unknown[] = [];
    const note = (thrown: unknown) => void unhandled.push(thrown);
    process.on('unhandledRejection', note);
    const nobody = { ...aliyun.settings, endpoint: 'http://127.0.0.1:9' };
    await aliyunSms(PHONE, nobody).send(anAlert(), AbortSignal.abort());
    // As long as a refused connection takes.
    await aliyunSms(PHONE, nobody).send(anAlert(), PATIENT());
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test('are given up when nothing comes back', async () => {
    const channel = aliyunSms(PHONE, aliyun.settings);
    await channel.send(anAlert(), PATIENT());
    aliyun.troubles.push('hang');
    expect(await channel.send(anAlert(), AbortSignal.timeout(100))).toEqual({
      ok: false,
      error: { code: 'timeout', mayPass: true },
    });
  });
});
