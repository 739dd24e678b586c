import type { Parameters } from '../../epay/index.ts';
import type { Merchant } from '../../gateway/index.ts';
import { isPaid, type Payment, toDecimalString } from '../../payment/index.ts';
import type { PublicAppParts } from '../context.ts';
import { CHINA_DAY_MS, chinaMidnight } from './time.ts';

const LIMIT = { max: 50, default: 10 };
/** Further back than this nobody pages, and nothing is counted. */
const LOOKED_AT_MAX = 1_000;
const PAGE = 100;

/** Orders as `limit`, `offset` or `page`, and `status` ask for them, newest first. */
export async function listOrders(
  { gateway }: PublicAppParts,
  merchant: Merchant,
  parameters: Parameters,
): Promise<readonly Payment[]> {
  const limit = Math.max(1, Math.min(LIMIT.max, numberOf(parameters, 'limit') ?? LIMIT.default));
  const page = numberOf(parameters, 'page');
  const offset = numberOf(parameters, 'offset') ?? (page === null ? 0 : Math.max(0, page - 1) * limit);
  const status = parameters.get('status')?.trim() ?? '';
  const wanted = (payment: Payment): boolean => status === '' || isPaid(payment) === (status === '1');
  return (await newest(gateway, merchant, {}, offset + limit, wanted)).slice(offset, offset + limit);
}

/** How many orders there were yesterday and today, and what of today's has been paid; of the thousand newest. */
export async function countOrders({ gateway, clock }: PublicAppParts, merchant: Merchant) {
  const today = chinaMidnight(clock.now());
  const yesterday = today - CHINA_DAY_MS;
  const all = await newest(gateway, merchant, {}, LOOKED_AT_MAX);
  const of = (from: number, to: number) => all.filter(({ createdAt }) => createdAt >= from && createdAt < to);
  return {
    total: all.length,
    today: of(today, Number.POSITIVE_INFINITY).length,
    yesterday: of(yesterday, today).length,
    paidToday: moneyOf(of(today, Number.POSITIVE_INFINITY)),
    paidYesterday: moneyOf(of(yesterday, today)),
  };
}

async function newest(
  gateway: PublicAppParts['gateway'],
  merchant: Merchant,
  filter: object,
  count: number,
  wanted: (payment: Payment) => boolean = () => true,
): Promise<readonly Payment[]> {
  const found: Payment[] = [];
  let cursor: string | null = null;
  for (let looked = 0; looked < LOOKED_AT_MAX && found.length < count; looked += PAGE) {
    const page: Awaited<ReturnType<typeof gateway.listPayments>> = await gateway.listPayments(merchant, {
      ...{ ...filter, limit: PAGE },
      ...(cursor === null ? {} : { cursor }),
    });
    found.push(...page.items.filter((payment) => payment.epay !== undefined && wanted(payment)));
    cursor = page.nextCursor;
    if (cursor === null) break;
  }
  return found;
}

function moneyOf(payments: readonly Payment[]): string {
  const minor = payments.filter(isPaid).reduce((sum, { amount }) => sum + amount.minor, 0);
  return minor === 0 ? '0.00' : toDecimalString({ minor, currency: 'CNY' });
}

function numberOf(parameters: Parameters, name: string): number | null {
  const text = parameters.get(name)?.trim() ?? '';
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}
