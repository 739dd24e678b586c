import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Edge, serveEdge } from './serve.ts';
import { aPendingPayment, observed, withFact } from './stub-gateway.ts';

const found = inject('chromium');

describe.skipIf('missing' in found)('the cashier in a browser', () => {
  let edge: Edge;
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    edge = await serveEdge();
    browser = await chromium.launch({
      ...('path' in found ? { executablePath: found.path } : {}),
      args: ['--no-sandbox'],
    });
  });
  afterAll(async () => {
    await browser.close();
    await edge.close();
  });

  async function open(path: string): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' });
    const page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(edge.url + path);
    return page;
  }

  test('follows the payment without being loaded again, and says so to a screen reader', async () => {
    const pending = aPendingPayment(
      { type: 'qr_code', qrCode: 'weixin://wxpay/bizpayurl?pr=1' },
      { methods: ['wechatpay'] },
    );
    edge.gateway.payments.set(pending.id, pending);
    const page = await open(`/pay/${pending.id}`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('扫码支付');
    expect(await page.getByRole('img', { name: '微信付款二维码' }).isVisible()).toBe(true);
    await expect.poll(() => page.getByRole('timer').textContent(), { timeout: 10_000 }).not.toBe('15:00');

    edge.gateway.payments.set(pending.id, withFact(pending, observed(pending, 'succeeded')));
    await expect
      .poll(() => page.getByRole('heading', { level: 1 }).textContent(), { timeout: 10_000 })
      .toBe('✓支付成功');
    expect(await page.locator('#announcer').textContent()).toContain('支付成功');
    expect(await page.getByRole('link', { name: '返回商家' }).getAttribute('href')).toContain('https://shop.example/');
    expect(await page.title()).toBe('支付成功 · ¥1,234.56');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('fits a phone: nothing is wider than the screen', async () => {
    const pending = aPendingPayment(undefined, { subject: 'W'.repeat(128), merchantOrderNo: '9'.repeat(64) });
    edge.gateway.payments.set(pending.id, pending);
    const page = await open(`/pay/${pending.id}?notice=checked`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.context().close();
  });

  test("posts a provider's form by itself, and runs no script that came with it", async () => {
    const target = `${edge.url}/callbacks/form-target`;
    const html = `<form method="post" action="${target}"><input name="a" value="1"></form><script>document.title='run'</script>`;
    const pending = aPendingPayment({ type: 'form', html });
    edge.gateway.payments.set(pending.id, pending);
    const page = await open(`/pay/${pending.id}/go`);
    await expect.poll(() => edge.gateway.callbacks.at(-1)?.raw.body.toString(), { timeout: 10_000 }).toBe('a=1');
    expect(complaints.filter((text) => !text.includes('Content Security Policy'))).toEqual([]);
    await page.context().close();
  });
});
