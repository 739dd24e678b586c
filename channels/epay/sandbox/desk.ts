import type { Order, SimulatorOptions, WireAnswer } from '../../../src/channel/sandbox/index.ts';
import { fromDecimalString, money, toDecimalString } from '../../../src/payment/index.ts';
import type { Keys } from './keys.ts';
import type { Params, Proofs } from './proof.ts';
import type { Settings } from './settings.ts';

/** Everything that a request may need. */
export interface Desk {
  readonly options: SimulatorOptions;
  readonly settings: Settings;
  readonly keys: Keys;
  readonly proofs: Proofs;
}

/** What an order remembers of its create, beside what the kit knows. */
export interface Wish {
  readonly type: string;
  readonly name: string;
  readonly notifyUrl: string;
  readonly returnUrl: string;
  readonly param: string;
}

export function wishOf({ detail }: Order): Wish {
  const text = (name: string) => String(detail[name] ?? '');
  return {
    type: text('type'),
    name: text('name'),
    notifyUrl: text('notifyUrl'),
    returnUrl: text('returnUrl'),
    param: text('param'),
  };
}

/** JSON as PHP writes it, signed in V2 when it is a success. */
export function answer(
  { settings, options, proofs }: Desk,
  body: Readonly<Record<string, string | number>>,
): WireAnswer {
  const headers = { 'content-type': 'application/json; charset=UTF-8' };
  if (settings.version === 'v1' || body.code !== 0) return { status: 200, headers, body: JSON.stringify(body) };
  const fault = options.faults().answer;
  const time = Math.floor((options.now() - (fault === 'stale' ? 3_600_000 : 0)) / 1000);
  const timed = { ...body, timestamp: String(time) };
  const texts = Object.fromEntries(Object.entries(timed).map(([name, value]) => [name, String(value)]));
  const { sign = '' } = proofs.sign(texts, fault === 'wrong_key');
  const proof = fault === 'unsigned' ? {} : { sign, sign_type: 'RSA' };
  return { status: 200, headers, body: JSON.stringify({ ...timed, ...proof }) };
}

export function refusal(desk: Desk, msg: string, code = -1): WireAnswer {
  return answer(desk, { code, msg });
}

/** The order as it is now: one whose time is over takes no money any more, though its status stays 0. */
export function findOrder({ options }: Desk, params: Params): Order | undefined {
  const { out_trade_no: orderNo = '', trade_no: tradeNo = '' } = params;
  return tradeNo === '' ? options.books.find(orderNo) : options.books.findBy((order) => order.tradeNo === tradeNo);
}

export function fenOf(yuan: string | undefined): number | null {
  const amount = fromDecimalString(yuan ?? '', 'CNY');
  return amount.ok ? amount.value.minor : null;
}

export function yuanOf(fen: number): string {
  return fen === 0 ? '0.00' : toDecimalString(money(fen, 'CNY'));
}

/** `YYYY-MM-DD HH:MM:SS` in China. */
export function chinaTime(at: number): string {
  return new Date(at + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}
