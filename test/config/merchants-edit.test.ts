import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { replaceFile, withChanges, withMerchant } from '../../src/config/index.ts';
import { SHIPPED } from './builders.ts';

function textOf(result: ReturnType<typeof withMerchant>): string {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const append = (text: string, ...at: string[]) => [{ kind: 'append', at, text }] as const;
const secretKeys = (text: string) => parse(text).merchants.m_a.secret_keys;

describe('a change of merchants.yaml', () => {
  test('adds a merchant at the end, and leaves every other line as it is', () => {
    const text = textOf(withMerchant(SHIPPED.merchants, 'm_new', { name: 'New', channels: 'all' }));
    expect(text).toBe(`${SHIPPED.merchants}  m_new:\n    name: New\n    channels: all\n`);
  });

  test.each([
    [
      'ends without a line break',
      'merchants:\n    m_a: { name: A }',
      'merchants:\n    m_a: { name: A }\n    m_new:\n        name: New\n',
    ],
    [
      'ends with a comment',
      'merchants:\n  m_a: { name: A }\n# the end\n',
      'merchants:\n  m_a: { name: A }\n# the end\n  m_new:\n    name: New\n',
    ],
  ])('adds one also where the file %s', (_, before, after) => {
    expect(textOf(withMerchant(before, 'm_new', { name: 'New' }))).toBe(after);
  });

  test('adds one also to a map on one line', () => {
    const text = textOf(withMerchant('merchants: { m_a: { name: A } } # all\n', 'm_new', { name: 'New' }));
    expect(parse(text)).toEqual({ merchants: { m_a: { name: 'A' }, m_new: { name: 'New' } } });
    expect(text).toContain('# all');
  });

  test('puts a key behind others of a list, in the style of the list, with its comments', () => {
    const block = `merchants:
  # First.
  m_a:
    secret_keys:
      # made in May
      - one-key # of the web shop
    name:   'A'     # three spaces
  m_b: {name: "B",  channels: [ x ]}   # untouched
`;
    const text = textOf(withChanges(block, 'm_a', append('two-key', 'secret_keys')));
    expect(secretKeys(text)).toEqual(['one-key', 'two-key']);
    expect(text).toContain('      # made in May\n      - one-key # of the web shop\n      - two-key\n');
    expect(text).toContain(`  m_b: {name: "B",  channels: [ x ]}   # untouched\n`);
    expect(text.startsWith('merchants:\n  # First.\n  m_a:\n')).toBe(true);
  });

  test('makes a list of a secret that stood alone; its reference and comment stay', () => {
    const line = SHIPPED.merchants.split('\n').find((one) => one.includes('DEMO_WEBHOOK_SECRET')) ?? '';
    const written = `${line} # from the vault`;
    const text = textOf(
      withChanges(SHIPPED.merchants.replace(line, written), 'm_demo', append('new', 'webhook', 'secret')),
    );
    const [, value = ''] = /secret: (.*)$/.exec(line) ?? [];
    expect(text).toBe(SHIPPED.merchants.replace(line, `      secret: [${value}, new] # from the vault`));
  });

  test('takes a key out of a list, and sets a value that was not there or was', () => {
    const two = 'merchants:\n  m_a:\n    secret_keys: ["a", b] # keys\n  m_b: { name: B }\n';
    const dropped = textOf(withChanges(two, 'm_a', [{ kind: 'drop', at: ['secret_keys'], index: 0 }]));
    expect(dropped).toBe(two.replace('["a", b]', '[b]'));
    const off = textOf(withChanges(two, 'm_b', [{ kind: 'set', at: ['enabled'], value: false }]));
    expect(off).toBe(two.replace('{ name: B }', '{ name: B, enabled: false }'));
    const on = textOf(withChanges(off, 'm_b', [{ kind: 'set', at: ['enabled'], value: true }]));
    expect(on).toBe(two.replace('{ name: B }', '{ name: B, enabled: true }'));
  });

  test('is refused where it would change another merchant too', () => {
    const shared = 'merchants:\n  m_a:\n    secret_keys: &keys [a, b]\n  m_b:\n    secret_keys: *keys\n';
    for (const id of ['m_a', 'm_b']) {
      const refused = withChanges(shared, id, append('c', 'secret_keys'));
      expect(refused).toMatchObject({ ok: false, error: expect.stringMatching(/change it by hand/) });
    }
  });
});

describe('replacing a file', () => {
  let folder = '';
  const aFile = (text: string): string => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-replace-'));
    const path = join(folder, 'merchants.yaml');
    writeFileSync(path, text);
    return path;
  };
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('keeps its mode and leaves nothing else behind', async () => {
    const path = aFile('before');
    chmodSync(path, 0o640);
    expect(await replaceFile(path, { expected: 'before', text: 'after' })).toEqual({ ok: true, value: 'replaced' });
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['after', 0o640]);
    expect(readdirSync(folder)).toEqual(['merchants.yaml']);
  });

  test('does nothing to a file that somebody else has changed meanwhile', async () => {
    const path = aFile('by an editor');
    expect(await replaceFile(path, { expected: 'before', text: 'after' })).toEqual({ ok: true, value: 'changed' });
    expect(readFileSync(path, 'utf8')).toBe('by an editor');
  });

  test('that is locked, or cannot be written, says what to do', async () => {
    const path = aFile('before');
    writeFileSync(`${path}.lock`, '');
    const locked = await replaceFile(path, { expected: 'before', text: 'after' });
    expect(locked).toMatchObject({
      ok: false,
      error: expect.stringMatching(/merchants\.yaml\.lock is there: .* remove it/),
    });
    expect(await replaceFile(join(folder, 'none'), { expected: '', text: '' })).toMatchObject({ ok: false });
    expect(readFileSync(path, 'utf8')).toBe('before');
  });
});
