import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { smsFacts } from '../../src/alerts/aliyun-sms.ts';
import { cut, linesOf, titleOf } from '../../src/alerts/message.ts';
import { anAlert, NOON } from './alert.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 200 });

describe('a message', () => {
  test('says urgency, name and summary in its title, then impact, first step, runbook and since when', () => {
    const message = anAlert();
    expect(titleOf(message)).toBe(
      '[PAGE] ChannelDown: alipay-main takes no payments: its breaker has been open for a minute',
    );
    expect(linesOf(message).map(({ label, text }) => `${label}: ${text}`)).toEqual([
      'Impact: New payments go to the other channels of its methods.',
      'First: `npm run --silent cli -- channels`: is another channel closed and weighted?',
      'Runbook: https://ops.example/runbooks/ChannelDown.md',
      'Since: 2026-11-27 12:00:00 UTC',
    ]);
  });

  test('that it is over says from when to when, and nothing to do', () => {
    const message = anAlert({ severity: 'ticket', status: 'resolved', endsAt: NOON + 61_000 });
    expect(titleOf(message)).toContain('[OVER] ChannelDown: ');
    expect(linesOf(message).map(({ label, text }) => `${label} ${text}`)).toEqual([
      'From 2026-11-27 12:00:00 UTC',
      'to 2026-11-27 12:01:01 UTC',
    ]);
  });

  test('links only what is an address, and leaves out what the rule does not say', () => {
    const lines = linesOf(anAlert({ impact: '', firstStep: ' ', runbook: 'grafana/runbooks/ChannelDown.md' }));
    expect(lines.map(({ label, href }) => [label, href])).toEqual([
      ['Runbook', null],
      ['Since', null],
    ]);
    expect(titleOf(anAlert({ summary: '' }))).toBe('[PAGE] ChannelDown');
  });

  test('is cut at a whole character, and only when it has to be', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 100 }), (text, max) => {
        const short = cut(text, max);
        expect([...short].length).toBeLessThanOrEqual(max);
        if ([...text].length <= max) expect(short).toBe(text);
        else expect(text.startsWith(short.slice(0, -1))).toBe(true);
        expect(short.isWellFormed()).toBe(text.isWellFormed() || short.isWellFormed());
      }),
    );
  });
});

describe('a short message', () => {
  test('says the same in variables, the summary going on in a second one', () => {
    expect(smsFacts(anAlert(), 35)).toEqual({
      state: 'PAGE',
      severity: 'page',
      status: 'firing',
      alert: 'ChannelDown',
      summary: 'alipay-main takes no payments: its',
      summary_more: 'breaker has been open for a minute',
      impact: 'New payments go to the other channe',
      since: '2026-11-27 12:00:00 UTC',
    });
  });

  test('has no empty or too long variable, no line break and no address, whatever the rule says', () => {
    const texts = fc.record({ alert: anyText, summary: anyText, impact: anyText });
    const withUrl = texts.map((t) => ({ ...t, summary: `see https://x.example/?a=1 ${t.summary}` }));
    fc.assert(
      fc.property(fc.oneof(texts, withUrl), fc.integer({ min: 5, max: 40 }), (set, max) => {
        for (const value of Object.values(smsFacts(anAlert(set), max))) {
          expect(value).not.toBe('');
          expect([...value].length).toBeLessThanOrEqual(max);
          expect(value).not.toMatch(/\p{Cc}|https:/u);
        }
      }),
    );
  });
});
