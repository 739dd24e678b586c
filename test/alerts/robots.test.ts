import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dingtalkSign } from '../../src/alerts/dingtalk.ts';
import { feishuSign } from '../../src/alerts/feishu.ts';
import { type AlertChannel, createPoster, dingtalkRobot, feishuRobot } from '../../src/alerts/index.ts';
import { anAlert } from './alert.ts';
import { DINGTALK_SECRET, type FakeRobot, FEISHU_SECRET, openDingtalk, openFeishu } from './robots.ts';

const PATIENT = () => AbortSignal.timeout(10_000);

describe('signatures', () => {
  // The Python samples of both providers' documentation, run with their secret and these times.
  test('of DingTalk: the secret is the key, time and secret are signed', () => {
    const sign = dingtalkSign(1_577_262_236_757, 'this is secret');
    expect(sign).toBe('hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=');
    expect(new URLSearchParams({ sign }).toString()).toBe('sign=hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D');
  });

  test('of Feishu: time and secret are the key, nothing is signed', () => {
    expect(feishuSign(1_599_360_473, 'this is secret')).toBe('/eYKrXQBzTjUZJ3s6NX16VxGbTwmK7AEs8/FnvC1CSw=');
  });
});

describe.each([
  {
    name: 'dingtalk' as const,
    open: openDingtalk,
    secret: DINGTALK_SECRET,
    channelOf: dingtalkRobot,
    taken: { errcode: 0 },
    wrongSign: 'errcode_310000',
    tooMany: { answer: { errcode: 130_101, errmsg: 'send too fast' }, code: 'errcode_130101' },
  },
  {
    name: 'feishu' as const,
    open: openFeishu,
    secret: FEISHU_SECRET,
    channelOf: feishuRobot,
    taken: { StatusCode: 0 },
    wrongSign: 'code_19021',
    tooMany: { answer: { code: 11_232, msg: 'frequency limited' }, code: 'code_11232' },
  },
])('a robot of $name', ({ open, secret, channelOf, taken, wrongSign, tooMany }) => {
  const { post, close } = createPoster();
  let robot: FakeRobot;
  let channel: AlertChannel;
  beforeAll(async () => {
    robot = await open();
    channel = channelOf({ url: robot.url, secret }, { post, now: Date.now });
  });
  afterAll(async () => {
    await close();
    await robot.close();
  });

  test('takes a signed message with everything in it', async () => {
    expect(await channel.send(anAlert(), PATIENT())).toEqual({ ok: true, value: undefined });
    expect(robot.titles().at(-1)).toContain('[PAGE] ChannelDown: alipay-main takes no payments');
    const said = JSON.stringify(robot.messages.at(-1));
    for (const part of ['New payments go', 'is another channel', 'https://ops.example/runbooks/ChannelDown.md']) {
      expect(said).toContain(part);
    }
    expect(said).toContain('2026-11-27 12:00:00 UTC');
    expect(said).not.toContain(secret);
  });

  test('refuses another secret and an old clock, and trying again would not help', async () => {
    const wrong = channelOf({ url: robot.url, secret: `${secret}x` }, { post, now: Date.now });
    const late = channelOf({ url: robot.url, secret }, { post, now: () => Date.now() - 2 * 3_600_000 });
    const before = robot.messages.length;
    for (const one of [wrong, late]) {
      expect(await one.send(anAlert(), PATIENT())).toEqual({ ok: false, error: { code: wrongSign, mayPass: false } });
    }
    expect(robot.messages).toHaveLength(before);
  });

  test.each([
    { trouble: tooMany, error: { code: tooMany.code, mayPass: true } },
    { trouble: { answer: {}, status: 503 }, error: { code: 'http_503', mayPass: true } },
    { trouble: { answer: {}, status: 429 }, error: { code: 'http_429', mayPass: true } },
    { trouble: { answer: {}, status: 404 }, error: { code: 'http_404', mayPass: false } },
    { trouble: { answer: taken, status: 500 }, error: { code: 'http_500', mayPass: true } },
    { trouble: { answer: '<html>' }, error: { code: 'answer_not_json', mayPass: false } },
    { trouble: { answer: { ok: true } }, error: { code: 'answer_unknown', mayPass: false } },
    { trouble: { answer: { ...taken, x: 'y'.repeat(5_000) } }, error: { code: 'answer_too_long', mayPass: false } },
    { trouble: 'hang up' as const, error: { code: 'UND_ERR_SOCKET', mayPass: true } },
  ])('has not taken it when it answers $error.code', async ({ trouble, error }) => {
    robot.troubles.push(trouble);
    expect(await channel.send(anAlert(), PATIENT())).toEqual({ ok: false, error });
  });

  test('is not followed elsewhere', async () => {
    const other = await open();
    robot.troubles.push({ answer: {}, status: 307, headers: { location: other.url } });
    expect(await channel.send(anAlert(), PATIENT())).toMatchObject({ ok: false, error: { code: 'http_307' } });
    expect(other.requests()).toBe(0);
    await other.close();
  });

  test('that says nothing is given up, as is one when we are to stop', async () => {
    robot.troubles.push('hang', 'hang');
    const timedOut = await channel.send(anAlert(), AbortSignal.timeout(50));
    expect(timedOut).toEqual({ ok: false, error: { code: 'timeout', mayPass: true } });
    const stopping = new AbortController();
    const sending = channel.send(anAlert(), stopping.signal);
    stopping.abort();
    expect(await sending).toEqual({ ok: false, error: { code: 'aborted', mayPass: false } });
  });

  test('that is not there is told by one word, without its address', async () => {
    const gone = await open();
    await gone.close();
    const sent = await channelOf({ url: gone.url, secret }, { post, now: Date.now }).send(anAlert(), PATIENT());
    expect(sent).toEqual({ ok: false, error: { code: 'ECONNREFUSED', mayPass: true } });
  });
});
