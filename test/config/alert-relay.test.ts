import { describe, expect, test } from 'vitest';
import { aProvider, faultsOf, GATEWAY, lineOfPart, loaded, SHIPPED } from './builders.ts';

const ROBOT_URL = 'https://oapi.dingtalk.com/robot/send?access_token=9b781aec3378947947e0ed1c';
const HOOK_URL = 'https://open.feishu.cn/open-apis/bot/v2/hook/7c1f2a9e-4d3b-4f6a';
const SECRET = 'SECe2f4a6b8c0d1937f5a7b9c1d3e5f7a9b';

const RELAY = `  relay:
    sms:
      provider: aliyun
      access_key_id: LTAI5tExampleKeyId99
      access_key_secret: hW3kExampleOfASecret7Qz
      sign_name: 闪付
      template_code: SMS_468990123
      to: ["+8613812345678", "+8613899995678"]
    dingtalk:
      - { url: "${ROBOT_URL}", secret: ${SECRET} }
    feishu:
      - { name: ops, url: "${HOOK_URL}", secret: q8Zr2LxW5mVtB0nKcYh3Jd, severities: [page] }
    rate: { per_hour: 5 }
    repeat_after: 30m
`;

const withRelay = (relay: string): string => `${GATEWAY}${relay}`;
const sandboxed = (gateway: string): string => gateway.replace('mode: live', 'mode: sandbox');

describe('alerts.relay', () => {
  test('says who is told: each phone, and robots of both kinds', () => {
    const { receivers, ...rest } = loaded({ gateway: withRelay(RELAY) }).alertRelay;
    expect(rest).toEqual({ perHour: 5, repeatAfterMs: 1_800_000 });
    expect(receivers.map(({ kind, name, severities }) => [kind, name, severities])).toEqual([
      ['sms', '+86138****5678', ['page']],
      ['sms', '+86138****5678 (2)', ['page']],
      ['dingtalk', '1', ['page', 'ticket']],
      ['feishu', 'ops', ['page']],
    ]);
    expect(receivers[1]).toMatchObject({
      phone: '+8613899995678',
      sms: { templateParams: { state: 'state', alert: 'alert' }, variableCharsMax: 35, endpoint: null },
    });
  });

  test('is nobody but the log in the shipped file, and when nothing is said', () => {
    const nobody = { receivers: [], perHour: 20, repeatAfterMs: 3_600_000 };
    expect(loaded({ gateway: GATEWAY }).alertRelay).toEqual(nobody);
    const providers = ['alipay', 'wechatpay', 'stripe', 'paypal', 'epay', 'usdt'].map(aProvider);
    expect(loaded(SHIPPED, { providers }).alertRelay).toEqual(nobody);
  });

  test('is what the shipped file shows as comments, once its secrets are there', () => {
    const gateway = SHIPPED.gateway.replaceAll(/^ {4}# ((?:sms|dingtalk|feishu):\n(?: {4}# {3,}.*\n)+)/gm, (block) =>
      block.replaceAll(/^ {4}# /gm, '    '),
    );
    const env = {
      ALIYUN_ACCESS_KEY_ID: 'LTAI5tExampleKeyId99',
      ALIYUN_SMS_SIGN: '闪付',
      DINGTALK_ROBOT_URL: ROBOT_URL,
      DINGTALK_ROBOT_SECRET: SECRET,
      FEISHU_ROBOT_URL: HOOK_URL,
      FEISHU_ROBOT_SECRET: 'q8Zr2LxW5mVtB0nKcYh3Jd',
    };
    const others = { '/etc/pay/secrets/aliyun-access-key': 'hW3kExampleOfASecret7Qz\n' };
    const providers = ['alipay', 'wechatpay', 'stripe', 'paypal', 'epay', 'usdt'].map(aProvider);
    const { receivers } = loaded({ ...SHIPPED, gateway, others }, { providers, env }).alertRelay;
    expect(receivers.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'sms +86138****0000',
      'dingtalk ops',
      'feishu ops',
    ]);
  });

  test.each([
    [
      'access_key_secret: hW3kExampleOfASecret7Qz',
      'access_key_secret: hW3kShort',
      'sms.access_key_secret',
      /at least 16/,
    ],
    [
      'access_key_secret: hW3kExampleOfASecret7Qz',
      'access_key_secret: "0000000000000000"',
      'sms.access_key_secret',
      /placeholder/,
    ],
    ['access_key_id: LTAI5tExampleKeyId99', 'access_key_id: xxxxxxxxxxxxxxxx', 'sms.access_key_id', /placeholder/],
    ['template_code: SMS_468990123', 'template_code: hello', 'sms.template_code', /approved template/],
    ['"+8613812345678"', '"13812345678"', 'sms.to[0]', /phone number with its country/],
    ['      to: ["+8613812345678", "+8613899995678"]\n', '', 'sms.to', /is required/],
    ['provider: aliyun', 'provider: other', 'sms.provider', /must be aliyun/],
    [`secret: ${SECRET}`, 'secret: "****************"', 'dingtalk[0].secret', /placeholder/],
    [ROBOT_URL, 'https://oapi.dingtalk.com/robot/send', 'dingtalk[0].url', /access_token/],
    [ROBOT_URL, ROBOT_URL.replace('https', 'http'), 'dingtalk[0].url', /must be https/],
    [HOOK_URL, 'https://open.feishu.cn/open-apis/bot/v2/hook/xxxxxxxx', 'feishu[0].url', /hook\/<token>/],
    ['severities: [page]', 'severities: [paeg]', 'feishu[0].severities[0]', /did you mean page/],
    ['per_hour: 5', 'per_hour: 0', 'rate.per_hour', /at least 1/],
    ['repeat_after: 30m', 'repeat_after: 1s', 'repeat_after', /between 1m and 7d/],
    ['    feishu:', '    fieshu:', 'fieshu', /did you mean feishu/],
  ])('refuses %s -> %s', (from, to, path, message) => {
    const gateway = withRelay(RELAY.replace(from, () => to));
    const faults = faultsOf({ gateway });
    expect(faults).toEqual([
      expect.objectContaining({ path: `alerts.relay.${path}`, message: expect.stringMatching(message) }),
    ]);
    expect(faults[0]?.line).toBeGreaterThanOrEqual(lineOfPart(gateway, '  relay:'));
    expect(JSON.stringify(faults)).not.toMatch(/hW3k|SECe2f4|9b781aec|13812345678/);
  });

  test('refuses two robots of one name', () => {
    const second = `      - { name: "1", url: "${ROBOT_URL}", secret: ${SECRET} }\n    feishu:`;
    const faults = faultsOf({ gateway: withRelay(RELAY.replace('    feishu:', second)) });
    expect(faults).toMatchObject([{ path: 'alerts.relay.dingtalk', message: 'has two robots of one name' }]);
  });

  test('may leave this machine only encrypted; a simulator on it is for sandboxes', () => {
    const local = RELAY.replace(HOOK_URL, 'http://127.0.0.1:9/open-apis/bot/v2/hook/7c1f2a9e-4d3b');
    const elsewhere = RELAY.replace(HOOK_URL, 'http://10.0.0.9/open-apis/bot/v2/hook/7c1f2a9e-4d3b');
    const sms = RELAY.replace('provider: aliyun', 'provider: aliyun\n      endpoint: http://aliyun.example');
    expect(loaded({ gateway: sandboxed(withRelay(local)) }).alertRelay.receivers).toHaveLength(4);
    expect(faultsOf({ gateway: withRelay(local) })).toMatchObject([{ path: 'alerts.relay.feishu[0].url' }]);
    expect(faultsOf({ gateway: sandboxed(withRelay(elsewhere)) })).toMatchObject([
      { path: 'alerts.relay.feishu[0].url' },
    ]);
    expect(faultsOf({ gateway: sandboxed(withRelay(sms)) })).toMatchObject([{ path: 'alerts.relay.sms.endpoint' }]);
  });
});
