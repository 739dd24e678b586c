import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type AdminStatus, createAdminApp, type Listener, listen, problemsOf } from '../../src/http/index.ts';
import { adminParts } from './admin-parts.ts';
import { aChannel, aDeadChannel, aGateway, ago, aStatus } from './admin-status.ts';

const found = inject('chromium');
const TOKEN = 'c3f1a09be7d24586aa01f3d2';
const SLOW_MS = 60_000;

const LONG = 'isv.a-code-of-theirs-that-is-as-long-as-a-code-may-be.and-longer';
const cause = { operation: 'create', kind: 'CHANNEL_TIMEOUT_UNKNOWN', code: LONG, at: ago(190) };
const dead = (id: string) => {
  const { breakers, ...channel } = aDeadChannel(id, 190, { last_failure: cause });
  return { ...channel, breakers: { ...breakers, create: { ...breakers.create, cause } } };
};
const balance = [{ currency: 'CNY', available_minor: 123_456_789_012, at: ago(125), threshold_minor: 1e13 }];
const endpoint = `https://shop.example/${'a-long-path/'.repeat(12)}`;
const failing = {
  merchant: 'm_demo',
  endpoint,
  failing_since: ago(9),
  paused_at: null,
  next_trial_at: null,
  reason: LONG,
};

const well = aStatus({ channels: [aChannel('alipay-main', { balance: null }), aChannel('alipay-backup')] });
const ill = aStatus({
  gateway: aGateway({ held: 2, unknown_outcomes: 3, unknown_oldest_seconds: 4_000, unavailable: { counts: LONG } }),
  channels: [dead('alipay-main'), aChannel('a-channel-with-a-name-of-forty-letters-x', { balance })],
  webhooks: { failing: [failing] },
});
const dark = aStatus({ channels: ['alipay-main', 'wechatpay-main', 'stripe-main'].map(dead) });

describe.skipIf('missing' in found)('the status page in a browser without scripts', { timeout: SLOW_MS }, () => {
  let browser: Browser;
  let listener: Listener;
  let shown: AdminStatus = well;
  beforeAll(async () => {
    if ('missing' in found) return;
    browser = await chromium.launch({ executablePath: found.path, args: ['--no-sandbox'] });
    const app = createAdminApp(
      adminParts({
        guard: { token: TOKEN, host: '127.0.0.1', now: () => 0, onRefused: () => {} },
        status: async () => ({ ...shown, problems: problemsOf(shown, { webhookOldestS: 300 }) }),
      }),
    );
    listener = await listen(app, { host: '127.0.0.1', port: 0 });
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await listener?.close(1_000);
  });

  const open = async (path: string, width: number, colorScheme: 'light' | 'dark' = 'light') => {
    const page = await browser.newPage({
      ...{ viewport: { width, height: 844 }, javaScriptEnabled: false, colorScheme },
      httpCredentials: { username: 'me', password: TOKEN },
    });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(`${listener.url}${path}`);
    return { page, complaints };
  };

  test.each([
    ['is well', well, 390],
    ['is well', well, 1_440],
    ['has a channel in trouble', ill, 360],
    ['has a channel in trouble', ill, 800],
    ['has a channel in trouble', ill, 1_280],
    ['has no channel left', dark, 390],
    ['has no channel left', dark, 1_280],
  ] as const)('of a gateway that %s fits its window', async (_what, status, width) => {
    shown = status;
    const { page, complaints } = await open('/admin/?paused', width);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('shows on a phone what is wrong without scrolling, and leads to what to do', async () => {
    shown = ill;
    const { page } = await open('/admin', 390);
    const line = page.getByText('alipay-main: down for 3 min');
    const box = await line.boundingBox();
    expect((box?.y ?? 1e6) + (box?.height ?? 0)).toBeLessThan(844);
    await line.getByRole('link').click();
    expect(await page.locator('h1').textContent()).toBe('ChannelDown');
    await page.getByRole('link', { name: 'Status' }).click();
    expect(new URL(page.url()).pathname).toBe('/admin/');
    await page.close();
  });

  test('follows the wish for dark', async () => {
    shown = well;
    const colours = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await open('/admin/', 390, scheme);
      colours.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      await page.close();
    }
    expect(new Set(colours).size).toBe(2);
  });

  test('loads itself again', async () => {
    shown = well;
    const { page } = await open('/admin/', 390);
    shown = dark;
    await page.getByText('No channel takes payments').waitFor({ timeout: 30_000 });
    await page.close();
  });
});
