import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeFaults } from '../../src/config/index.ts';
import { aProvider, load, SHIPPED } from './builders.ts';

const providers = ['alipay', 'wechatpay', 'stripe', 'paypal', 'epay', 'usdt'].map(aProvider);

const anyScrap = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    '',
    '\n',
    ' ',
    '\t',
    ':',
    ': ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!t ',
    '|',
    '>',
    '?',
  ),
  fc.constantFrom(
    `\${`,
    `\${X}`,
    `\${X:-y}`,
    'file:',
    'file:x',
    '---\n',
    '%',
    '<<: *a',
    '__proto__: ',
    'null',
    '~',
    '-1',
    '1e99',
    '.nan',
  ),
);

/** Somewhere in a file, some characters become others. */
const anyEdit = fc.record({
  file: fc.constantFrom('gateway' as const, 'merchants' as const),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  gone: fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 400 })),
  scrap: anyScrap,
});

/** Somewhere in a file, a line disappears, comes twice, or moves. */
const anyLineEdit = fc.record({
  file: fc.constantFrom('gateway' as const, 'merchants' as const),
  from: fc.nat({ max: 140 }),
  to: fc.nat({ max: 140 }),
  kind: fc.constantFrom('drop' as const, 'repeat' as const, 'indent' as const),
});

function edited(text: string, { at, gone, scrap }: { at: number; gone: number; scrap: string }): string {
  const start = Math.floor(at * text.length);
  return text.slice(0, start) + scrap + text.slice(start + gone);
}

function lineEdited(text: string, { from, to, kind }: { from: number; to: number; kind: string }): string {
  const lines = text.split('\n');
  const line = lines[from % lines.length] ?? '';
  if (kind === 'drop') lines.splice(from % lines.length, 1);
  else lines.splice(to % lines.length, 0, kind === 'indent' ? `  ${line}` : line);
  return lines.join('\n');
}

function check(files: { gateway: string; merchants: string }): boolean {
  const result = load(files, { providers });
  if (result.ok) return true;
  expect(result.error.length).toBeGreaterThan(0);
  const lineCount = { gateway: files.gateway.split('\n').length, merchants: files.merchants.split('\n').length };
  for (const fault of result.error) {
    expect(fault.message).not.toBe('');
    expect(fault.line).toBeLessThanOrEqual(
      fault.file.endsWith('gateway.yaml') ? lineCount.gateway : lineCount.merchants,
    );
  }
  expect(describeFaults(result.error).split('\n').length).toBeLessThanOrEqual(result.error.length);
  return false;
}

test('whatever happens to the shipped files, they load or their faults are named', () => {
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.array(anyEdit, { minLength: 1, maxLength: 2 }),
      fc.array(anyLineEdit, { maxLength: 1 }),
      (edits, lineEdits) => {
        const files = { ...SHIPPED };
        for (const edit of edits) files[edit.file] = edited(files[edit.file], edit);
        for (const edit of lineEdits) files[edit.file] = lineEdited(files[edit.file], edit);
        seen[check(files) ? 'accepted' : 'refused'] += 1;
      },
    ),
    { numRuns: 400, seed: 20_260_101 },
  );
  // Both ways are really walked: many edits land in comments.
  expect(seen.accepted).toBeGreaterThan(10);
  expect(seen.refused).toBeGreaterThan(100);
});
