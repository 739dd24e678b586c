import type { PaymentStore } from '../../../src/store/index.ts';
import { NEW_YEAR } from '../../contract/payments.ts';
import { MERCHANTS } from './lives.ts';

const DAY_MS = 86_400_000;

/** Everything that the port answers about a store. */
export async function told(of: PaymentStore) {
  const now = NEW_YEAR + 30 * DAY_MS;
  const period = { from: 0, before: now };
  const perMerchant = await Promise.all(
    MERCHANTS.map(async (merchantId) => {
      const events = await of.listEvents({ merchantId, limit: 1_000 });
      const middle = events[Math.floor(events.length / 2)]?.event.id;
      return {
        payments: (await of.list({ merchantId, limit: 100 })).items,
        paidOnes: (await of.list({ merchantId, status: 'succeeded', limit: 3 })).items,
        events,
        after: middle === undefined ? [] : await of.listEvents({ merchantId, after: middle, limit: 1_000 }),
        dead: await of.listDeadEvents({ merchantId, limit: 100 }),
      };
    }),
  );
  return {
    perMerchant,
    dead: await of.listDeadEvents({ merchantId: null, limit: 100 }),
    sample: (await of.listCreated({ ...period, every: 2, limit: 1_000 })).items,
    created: await of.countCreated(period),
    backlog: await of.dueBacklog(now),
    counts: await of.counts(),
    live: Object.fromEntries([...(await of.liveOrders())].filter(([, count]) => count > 0)),
    needing: await of.countNeeding('alipay-main', 1_000),
    volumes: await Promise.all(
      ['alipay-main', 'wechatpay-main'].map((channelId) =>
        of.channelVolume({ channelId, currency: 'CNY', from: NEW_YEAR, until: NEW_YEAR + DAY_MS }),
      ),
    ),
    endpoints: await of.listFailingEndpoints(),
    orderNumber: await of.findOrderNumber('m_demo', 'E1'),
  };
}
