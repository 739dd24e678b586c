import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { anOrder, eventually, openStage, patient, type Stage } from './stage.ts';

const found = inject('chromium');
const PHONE = {
  viewport: { width: 390, height: 844 },
  locale: 'zh-CN',
  isMobile: true,
  hasTouch: true,
  userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36',
};
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: 'en-US' };

/** The whole gateway with its simulators, used by a buyer with a real browser. */
describe.skipIf('missing' in found)('a buyer at the cashier', () => {
  let stage: Stage;
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    stage = await openStage({ editConfig: patient });
    browser = await chromium.launch({
      ...('path' in found ? { executablePath: found.path } : {}),
      args: ['--no-sandbox'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.stop();
  });

  const isOurs = (url: string) => url.startsWith(stage.gateway().publicUrl);
  async function open(
    url: string,
    options: Parameters<Browser['newContext']>[0],
    context?: BrowserContext,
  ): Promise<Page> {
    const page = await (context ?? (await browser.newContext(options))).newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' && isOurs(page.url())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
    return page;
  }
  const create = async (set: Readonly<Record<string, unknown>>) => {
    const order = anOrder(stage, { methods: undefined, scene: undefined, ...set });
    return (await stage.api('POST', '/v1/payments', order)).body;
  };
  const look = async (id: string) => (await stage.api('GET', `/v1/payments/${id}`)).body;
  const attempts = async (id: string): Promise<string[]> =>
    (await look(id)).attempts.map(({ channel, status }: Record<string, string>) => `${channel} ${status}`);
  const title = (page: Page) => page.getByRole('heading', { level: 1 }).textContent();
  const hasTitle = (page: Page, text: string) => expect.poll(() => title(page), { timeout: 10_000 }).toContain(text);

  test('two windows and a double click make one order, and every window follows', async () => {
    const payment = await create({ deferred: true });
    const one = await open(payment.checkout_url, DESKTOP);
    const two = await open(payment.checkout_url, DESKTOP, one.context());
    await one.getByRole('button', { name: 'WeChat Pay' }).dblclick();
    await hasTitle(one, 'Scan to pay');
    await hasTitle(two, 'Scan to pay');
    expect(await attempts(payment.id)).toEqual(['wechatpay-main open']);
    // The keyboard is enough, and what changes is said.
    await two.bringToFront();
    await two.getByRole('button', { name: 'Alipay' }).focus();
    await two.keyboard.press('Enter');
    await two.getByRole('img', { name: /Alipay/ }).waitFor();
    await expect.poll(() => one.getByRole('img', { name: /Alipay/ }).isVisible(), { timeout: 10_000 }).toBe(true);
    expect(await attempts(payment.id)).toEqual(['wechatpay-main closed', expect.stringMatching(/^alipay-.* open$/)]);
    const { channel, provider_ref } = (await look(payment.id)).attempts[1];
    await stage.control(channel, 'pay', { provider_ref });
    await hasTitle(one, 'Paid');
    await hasTitle(two, 'Paid');
    expect(await two.locator('#announcer').textContent()).toContain('Paid');
    expect(complaints).toEqual([]);
    await one.context().close();
  });

  test('without JavaScript, another way than the one that the shop opened: the first is closed at its provider', async () => {
    const payment = await create({ methods: ['wechatpay', 'card'], scene: 'qr' });
    const { channel, provider_ref } = payment.attempts[0];
    expect(channel).toBe('wechatpay-main');
    const page = await open(payment.checkout_url, { ...DESKTOP, javaScriptEnabled: false });
    expect(await page.locator('[aria-current]').textContent()).toContain('WeChat Pay');
    await page.getByRole('button', { name: 'Bank card' }).click();
    expect(await page.getByRole('link', { name: 'Pay with your card' }).isVisible()).toBe(true);
    expect((await stage.order(channel, provider_ref))?.status).toBe('closed');
    expect(await attempts(payment.id)).toEqual(['wechatpay-main closed', 'stripe-main open']);
    await stage.control('stripe-main', 'pay', { provider_ref: (await look(payment.id)).attempts[1].provider_ref });
    await eventually(() => stage.shop.eventsOf(payment.id)[0]);
    await page.reload();
    expect(await title(page)).toContain('Paid');
    await page.context().close();
  });

  test('on a phone, from choosing to paid, with a channel failing on the way', async () => {
    await stage.control('wechatpay-main', 'faults', { outage: true });
    const payment = await create({ deferred: true });
    expect(payment).toMatchObject({ status: 'created', method: null, attempts: [] });
    expect(payment.action).toEqual({ type: 'redirect', url: payment.checkout_url });
    const page = await open(payment.checkout_url, PHONE);
    expect(await title(page)).toBe('请选择支付方式');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);

    await page.getByRole('button', { name: '微信支付' }).click();
    await page.waitForLoadState();
    expect(await page.locator('.notice').first().textContent()).toMatch(
      /微信支付.*支付机构暂时不可用.*请选择其他支付方式/,
    );
    await stage.control('wechatpay-main', 'faults', {});

    await page.getByRole('button', { name: '支付宝' }).click();
    await page.getByRole('button', { name: /付款 Pay/ }).waitFor();
    expect(isOurs(page.url())).toBe(false);
    await page.goBack();
    await hasTitle(page, '等待支付');
    expect(await page.getByRole('link', { name: '使用支付宝支付' }).isVisible()).toBe(true);
    await page.getByRole('link', { name: '使用支付宝支付' }).click();
    await page.getByRole('button', { name: /付款 Pay/ }).click();
    await eventually(() => stage.shop.eventsOf(payment.id)[0]);
    if (!isOurs(page.url())) await page.goto(payment.checkout_url);
    await hasTitle(page, '支付成功');
    expect(stage.shop.eventsOf(payment.id)).toHaveLength(1);
    expect(await attempts(payment.id)).toEqual([
      expect.stringMatching(/^wechatpay-main (unknown|failed|closed)$/),
      'alipay-main succeeded',
    ]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
