import { setImmediate } from 'node:timers/promises';
import type { EpochMs } from '../payment/index.ts';
import type { PaymentStore } from '../store/port.ts';
import { createRecordedFigures, learnWorld, type Order, type RecordedFigures, type World } from '../what-if/index.ts';
import { createIntern, recordedPayment } from './recorded-payment.ts';

export interface RecordedTraffic {
  /** In the order of time, those of the warm-up first. */
  readonly orders: readonly Order[];
  readonly world: World;
  readonly figures: RecordedFigures;
  readonly warmUp: number;
  /** In the period itself, before a sample was taken. */
  readonly recorded: number;
  /** Every n-th payment was taken. */
  readonly every: number;
}

export interface RecordedPeriod {
  /** Payments from here on warm the routers up. */
  readonly warmFrom: EpochMs;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly now: EpochMs;
  /** More payments than this are sampled evenly. */
  readonly paymentsMax: number;
  /** The provider of a channel in either configuration, or null. */
  readonly providerOf: (channelId: string) => string | null;
}

const PAGE = 500;

/** Reads recorded payments page by page; of each only what routing needs is kept. Other work gets its turn between pages. */
export async function readTraffic(
  store: Pick<PaymentStore, 'listCreated' | 'countCreated'>,
  { warmFrom, from, to, now, paymentsMax, providerOf }: RecordedPeriod,
): Promise<RecordedTraffic> {
  const [recorded, all] = [
    await store.countCreated({ from, before: to }),
    await store.countCreated({ from: warmFrom, before: to }),
  ];
  const every = Math.max(1, Math.ceil(all / paymentsMax));
  // What is recorded may be much shorter than the period; stretched over all of it, its details would be lost.
  const [earliest] = (await store.listCreated({ from: warmFrom, before: to, every: 1, limit: 1, cursor: '' })).items;
  const lesson = learnWorld({ from: earliest?.createdAt ?? warmFrom, to: Math.min(to, now), knownUntil: now });
  const figures = createRecordedFigures(now);
  const intern = createIntern();
  const orders: Order[] = [];
  let warmUp = 0;
  for (let cursor: string | null = ''; cursor !== null && orders.length < paymentsMax; ) {
    const page = await store.listCreated({ from: warmFrom, before: to, every, limit: PAGE, cursor });
    for (const payment of page.items.slice(0, paymentsMax - orders.length)) {
      const { order, sightings, withoutIp } = recordedPayment(payment, intern);
      lesson.observe(
        order,
        sightings,
        withoutIp.map(providerOf).filter((id) => id !== null),
      );
      orders.push(order);
      if (order.at < from) warmUp += 1;
      else figures.add(order);
    }
    cursor = page.nextCursor;
    await setImmediate();
  }
  return { orders, world: lesson.world(), figures: figures.figures(), warmUp, recorded, every };
}
