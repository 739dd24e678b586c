import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConfigChange,
  type ConfigForm,
  describeChange,
  diffForms,
  explainForm,
  redacted,
} from '../../src/config/index.ts';
import { MEANINGS } from '../../src/config/meanings.ts';
import { GATEWAY, load, MERCHANTS, replaced } from './builders.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);

function formOf(gateway = GATEWAY, merchants = MERCHANTS): ConfigForm {
  const loaded = load({ gateway, merchants });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return redacted(loaded.value.form, digest);
}

const textsOf = (before: ConfigForm, after: ConfigForm) =>
  diffForms(before, after).map((one) => describeChange(one).text);

/** What the changes say, done to the form before. */
function applied(form: ConfigForm, changes: readonly ConfigChange[]): unknown {
  const root = structuredClone(form) as Record<string, unknown>;
  for (const { at, after } of changes) {
    const parent = at.slice(0, -1).reduce<Record<PropertyKey, unknown>>((o, key) => o[key] as never, root);
    const last = at.at(-1) ?? '';
    if (after === undefined) delete parent[last];
    else parent[last] = structuredClone(after);
  }
  return root;
}

const key = fc.constantFrom('a', 'b', 'c', 'd');
const scalar = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
  ),
}));
const map = fc.dictionary(key, tree, { maxKeys: 4 });
const anyForm = fc.record({ gateway: map, merchants: map }) as unknown as fc.Arbitrary<ConfigForm>;

describe('the difference of two configurations', () => {
  test('is nothing between a form and itself, whatever it holds', () => {
    fc.assert(
      fc.property(anyForm, (form) => {
        expect(diffForms(form, structuredClone(form))).toEqual([]);
      }),
    );
  });

  test('done to the one gives the other', () => {
    fc.assert(
      fc.property(anyForm, anyForm, (before, after) => {
        expect(applied(before, diffForms(before, after))).toEqual(after);
      }),
    );
  });

  test("is one line per change, in an admin's words", () => {
    const after = GATEWAY.replace('weight: 100', 'weight: 0')
      .replace('rate: 0.6%', 'rate: 0.55%')
      .replace('budget: 8s', 'budget: 8000ms')
      .replace('methods: [card]', 'methods: [card, alipay]');
    expect(textsOf(formOf(), formOf(after))).toEqual([
      'channels.pay-main.weight: 100 -> 0 (drains it: no new payments, what is open goes on)',
      'channels.pay-main.fee.rate: 0.6% -> 0.55%',
      'channels.pay-backup.methods: [card] -> [card, alipay]',
    ]);
  });

  test('says what a gateway that runs would refuse', () => {
    const [text] = textsOf(formOf(), formOf(GATEWAY.replace(/ {2}pay-backup:\n(?: {4}.*\n)+/, '')));
    expect(text).toMatch(/^channels\.pay-backup: removed \{ .* \(refused while payments of it are open\)$/);
    const live = GATEWAY.replace(
      'mode: sandbox',
      'mode: live\n    credentials: { app: app-2, secret: another-one-4714 }',
    );
    expect(textsOf(formOf(), formOf(live))[0]).toMatch(/^channels\.pay-backup\.mode: sandbox -> live \(refused by /);
  });

  test('says of a secret that it changed, and nothing else', () => {
    const secret = 'another-secret-of-ours-4712';
    const texts = textsOf(formOf(), formOf(GATEWAY.replace('dont-look-at-me-4711', secret)));
    expect(texts).toEqual(['channels.pay-main.credentials.secret: changed']);
    const form = JSON.stringify(formOf());
    expect(form).not.toContain('dont-look-at-me');
    expect(explainForm(formOf())).not.toMatch(/dont-look-at-me|secret:[0-9a-f]{8}/);
  });

  test('of keys tells how many came and went', () => {
    const more = MERCHANTS.replace('- key-of-the-first-shop', '- key-of-the-first-shop\n      - one-more-key-for-it');
    const [text] = textsOf(formOf(), formOf(GATEWAY, more));
    expect(text).toBe('merchants.m_shop.secret_keys: 1 added');
  });

  test('knows a default that is written out from one that is not', () => {
    const shorter = GATEWAY.replace(/\n {4}breaker:\n(?: {6}.*\n)+/, '\n');
    expect(shorter).not.toBe(GATEWAY);
    expect(textsOf(formOf(), formOf(shorter))).toEqual([]);
  });
});

/** Paths of everything in a form, with `*` for names. */
const RELAY = `
  relay:
    sms:
      provider: aliyun
      access_key_id: LTAI5tNotARealKeyId1
      access_key_secret: k9Jd72hsQmPz41xVbT0c
      sign_name: Shop
      template_code: SMS_123456789
      to: ["+8613812345678"]
    dingtalk:
      - { url: "https://oapi.dingtalk.com/robot/send?access_token=5f0a9c3e7b1d48266d1c", secret: SEC0a1b2c3d4e5f60718293a4b5c6d7e8f9 }
    feishu:
      - { url: "https://open.feishu.cn/open-apis/bot/v2/hook/5f0a9c3e-7b1d-4826-6d1c", secret: q8Rz71LwXe3vT5bN0mKp }
`;

test('who is told of alerts is shown without phones, keys and addresses that open a group', () => {
  const shown = JSON.stringify(formOf(`${GATEWAY}${RELAY}`));
  expect(shown).toContain('SMS_123456789');
  for (const secret of ['13812345678', 'LTAI5t', 'k9Jd72', 'access_token', 'SEC0a1b', 'q8Rz71', '7b1d-4826']) {
    expect(shown).not.toContain(secret);
  }
});

test('when a maintenance window ends is no secret', () => {
  const delay = '    settlement_delay: 1d\n';
  const until = (to: string) =>
    formOf(replaced(GATEWAY, delay, `${delay}    maintenance: [{ from: 2026-12-01T02:00:00Z, to: ${to} }]\n`));
  expect(textsOf(until('2026-12-01T04:00:00Z'), until('2026-12-01T05:00:00Z'))).toEqual([
    'channels.pay-main.maintenance[0].to: 2026-12-01T04:00:00Z -> 2026-12-01T05:00:00Z',
  ]);
});

function pathsOf(value: unknown, at: readonly string[] = []): readonly string[] {
  const path = at.join('.');
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || MEANINGS.has(path)) return [path];
  const names = path === 'channels' || path === 'merchants';
  return Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...at, names ? '*' : key]));
}

test('every key has a meaning, and every meaning a key', () => {
  const rules = '  rules: [{ name: canary, when: "true", prefer: [pay-main] }]\n';
  const full = replaced(GATEWAY, '  exploration: 2%\n', `  exploration: 2%\n${rules}`);
  const { gateway, merchants } = formOf(`${full}${RELAY}`);
  expect(new Set(pathsOf({ ...gateway, merchants }))).toEqual(new Set(MEANINGS.keys()));
});
