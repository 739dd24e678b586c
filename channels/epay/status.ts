import {
  type EpochMs,
  fromDecimalString,
  type Money,
  type Observation,
  type ObservedState,
} from '../../src/payment/index.ts';
import type { EpayConfig } from './config.ts';
import type { Fields } from './fields.ts';
import { fromChinaTime } from './time.ts';

const MINUTE_MS = 60_000;

/** `status` of an order. 3 (frozen by the operator) and 4 (pre-authorised) settle nothing: a person has to look. */
const STATE_BY_STATUS: ReadonlyMap<string, ObservedState> = new Map([
  ['0', 'open'],
  ['1', 'succeeded'],
  ['2', 'succeeded'], // refunded, in part or whole: it was paid all the same
]);

/** What an order says. `money` is what we asked for, also where the buyer was charged some cents more or less. */
export function observe(order: Fields, config: EpayConfig, now: EpochMs): Observation {
  const state = STATE_BY_STATUS.get(order.get('status') ?? '') ?? 'unclear';
  return {
    state: state === 'open' && isOver(order, config, now) ? 'closed' : state,
    account: order.get('pid') ?? null,
    amount: readYuan(order.get('money')),
    channelTradeNo: order.get('trade_no') || null,
    paidAt: state === 'succeeded' ? fromChinaTime(order.get('endtime')) : null,
    error: null,
  };
}

/** Yuan with up to two decimals, in whatever way PHP has printed them (`1`, `1.5`, `1.50`). */
export function readYuan(text: string | undefined): Money | null {
  const amount = fromDecimalString(text ?? '', 'CNY');
  return amount.ok ? amount.value : null;
}

/** An unpaid order stays "unpaid" for ever; that its pay page takes no money any more is what the operator told us of its life. */
function isOver(order: Fields, config: EpayConfig, now: EpochMs): boolean {
  const madeAt = fromChinaTime(order.get('addtime'));
  return madeAt !== null && madeAt + config.order_life_minutes * MINUTE_MS <= now;
}
