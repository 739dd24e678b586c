import { sumOf } from '../../bench/metrics.ts';
import { usageOf } from '../../bench/usage.ts';
import type { Chance } from './chance.ts';
import { type Accounts, differencesInEvents, differencesInMoney, readAccounts } from './judge.ts';
import type { Shop } from './shop.ts';
import { type Answer, aMoment, type Site } from './site.ts';
import { WAYS } from './traffic.ts';

/** What becomes of the callback of one payment. */
export type Fate = 'sent' | 'lost' | 'duplicated' | 'delayed';

export interface MassOptions {
  readonly site: Site;
  readonly shop: Shop;
  readonly chance: Chance;
  readonly payments: number;
  /** Shares of the payments, 0 to 1. */
  readonly fates: Readonly<Record<Exclude<Fate, 'sent'>, number>>;
  /** How many buyers are busy at the same time. */
  readonly buyers: number;
  readonly onProgress?: (done: number) => void;
}

export interface Known {
  readonly payments: number;
  /** From the buyer paying to our commit of it, the longest; the first event's time minus the provider's. */
  readonly msMax: number;
}

export interface MassReport {
  readonly seconds: number;
  readonly refunds: number;
  /** Payments whose callback had this fate, and how soon they were known. */
  readonly known: Readonly<Record<Fate, Known>>;
  /** What `switchyard_payment_known_seconds` counted. */
  readonly counted: { readonly byCallback: number; readonly byQuery: number; readonly aboveAMinute: number };
  readonly rssBytes: { readonly start: number | null; readonly half: number | null; readonly end: number | null };
  /** In the books of providers, gateway and shop; empty when they agree to the last fen. */
  readonly differences: readonly string[];
}

const DELAY_MS_MAX = 10_000;
/** Of the payments, some want all or a part of their money back. */
const REFUND_SHARE = 0.1;
/** A payment whose callback is lost is known within a minute; the rest is for the events and for a busy machine. */
const STANDSTILL_MS_MAX = 180_000;

/** Sells, has every order paid with its callback's fate, returns some of the money, waits until all is final, compares. */
export async function sellALot(options: MassOptions): Promise<MassReport> {
  const { site, shop, chance, payments, buyers } = options;
  const fates = new Map<string, Fate>();
  const refunds: Promise<void>[] = [];
  const rss = (): number | null => usageOf(site.gateway.program().pid).rssBytes;
  const startedAt = performance.now();
  const start = rss();
  let half = start;
  let begun = 0;
  let done = 0;

  shop.onDelivery(({ type, paymentId, deliveries }) => {
    if (type === 'payment.succeeded' && deliveries === 1 && chance.happens(REFUND_SHARE))
      refunds.push(returnSome(site, paymentId, chance.happens(0.5)));
  });
  const buyer = async (): Promise<void> => {
    while (begun < payments) {
      begun += 1;
      const fate = fateOf(chance.share(), options.fates);
      fates.set(await buy(site, shop, `M${begun}`, chance, fate), fate);
      done += 1;
      if (done === Math.floor(payments / 2)) half = rss();
      options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyer));
  await settled(site, shop, payments);
  await Promise.all(refunds);
  const accounts = await readAccounts(site);
  return {
    ...{ seconds: (performance.now() - startedAt) / 1_000, refunds: refunds.length },
    ...{ known: knownIn(accounts, fates), counted: await countedBy(site), rssBytes: { start, half, end: rss() } },
    differences: differencesOf(accounts, shop, payments),
  };
}

function fateOf(draw: number, { lost, duplicated, delayed }: MassOptions['fates']): Fate {
  if (draw < lost) return 'lost';
  if (draw < lost + duplicated) return 'duplicated';
  return draw < lost + duplicated + delayed ? 'delayed' : 'sent';
}

async function buy(site: Site, shop: Shop, orderNo: string, chance: Chance, fate: Fate): Promise<string> {
  const order = {
    ...{ merchant_order_no: orderNo, amount: 100 + chance.below(100_000), currency: 'CNY', subject: 'Game key' },
    ...{ ...chance.pick(WAYS), notify_url: shop.url },
  };
  const created = expectStatus(await site.api('POST', '/v1/payments', order), 201);
  const { channel, provider_ref } = created.body.attempts[0];
  const delay = `delay_ms:${chance.below(DELAY_MS_MAX)}`;
  const callback = { sent: 'send', lost: 'drop', duplicated: 'duplicate', delayed: delay }[fate];
  expectStatus(await site.control(channel, 'pay', { provider_ref, callback }), 200);
  return created.body.id;
}

async function returnSome(site: Site, id: string, whole: boolean): Promise<void> {
  const body = { merchant_refund_no: `R-${id}`, ...(whole ? {} : { amount: 1 + (id.charCodeAt(29) % 99) }) };
  expectStatus(await site.api('POST', `/v1/payments/${id}/refunds`, body), 201);
}

function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer;
  throw new Error(`${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}

/** Until the shop has taken the news of every payment and nothing is left to do, or until nothing moves any more. */
async function settled(site: Site, shop: Shop, payments: number): Promise<void> {
  let movedAt = performance.now();
  let before = '';
  for (;;) {
    const series = await site.metrics();
    const undone = ['webhook_backlog', 'refunds_pending'].map((name) => sumOf(series, `switchyard_${name}`));
    const known = [...shop.heard.values()].filter(
      ({ type, taken }) => type === 'payment.succeeded' && taken > 0,
    ).length;
    if (known >= payments && undone.every((count) => count === 0)) return;
    const state = [known, ...undone].join();
    if (state !== before) movedAt = performance.now();
    before = state;
    if (performance.now() - movedAt > STANDSTILL_MS_MAX) return;
    await aMoment(500);
  }
}

function differencesOf(accounts: Accounts, shop: Shop, payments: number): readonly string[] {
  const found = [...differencesInMoney(accounts), ...differencesInEvents(accounts, shop)];
  if (accounts.payments.size !== payments) found.push(`${accounts.payments.size} payments here instead of ${payments}`);
  const paidThere = [...accounts.orders.values()].filter(({ status }) => status === 'paid');
  if (paidThere.length !== payments) found.push(`${paidThere.length} paid orders at the providers`);
  const sums = [
    paidThere.reduce((sum, order) => sum + (order.paid_amount ?? 0), 0),
    [...accounts.payments.values()].reduce((sum, payment) => sum + (payment.paid_at === null ? 0 : payment.amount), 0),
  ];
  if (sums[0] !== sums[1]) found.push(`${sums[0]} fen at the providers, ${sums[1]} here`);
  return found;
}

function knownIn({ events }: Accounts, fates: ReadonlyMap<string, Fate>): Readonly<Record<Fate, Known>> {
  const known = {
    sent: { payments: 0, msMax: 0 },
    lost: { payments: 0, msMax: 0 },
    duplicated: { payments: 0, msMax: 0 },
    delayed: { payments: 0, msMax: 0 },
  };
  for (const { type, payment_id, timestamp, data } of events) {
    const fate = fates.get(payment_id);
    if (type !== 'payment.succeeded' || fate === undefined || data.paid_at === null) continue;
    known[fate].payments += 1;
    known[fate].msMax = Math.max(known[fate].msMax, Date.parse(timestamp) - Date.parse(data.paid_at));
  }
  return known;
}

async function countedBy(site: Site): Promise<MassReport['counted']> {
  const series = await site.metrics();
  const name = 'switchyard_payment_known_seconds';
  const all = sumOf(series, `${name}_count`, 'by="');
  return {
    byCallback: sumOf(series, `${name}_count`, 'by="callback"'),
    byQuery: sumOf(series, `${name}_count`, 'by="query"'),
    aboveAMinute: all - sumOf(series, `${name}_bucket`, 'le="60"'),
  };
}
