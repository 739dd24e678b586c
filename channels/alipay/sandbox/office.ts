import { z } from 'zod';
import type { Order, SimulatorOptions } from '../../../src/channel/sandbox/index.ts';
import type { SandboxKeys } from './keys.ts';
import type { Refunds } from './refunds.ts';
import type { Fields, Signer } from './signature.ts';
import type { TradeRefusal, Trades } from './trades.ts';

/** Query and form of a request, decoded once. */
export type Params = ReadonlyMap<string, string>;

/** Everything that a request may need. */
export interface Office {
  readonly options: SimulatorOptions;
  readonly keys: SandboxKeys;
  readonly signer: Signer;
  readonly trades: Trades;
  readonly refunds: Refunds;
}

/** One server-to-server method. */
export type Method = (office: Office, params: Params) => Fields;

const refSchema = z.object({ out_trade_no: z.string().optional(), trade_no: z.string().optional() });

/** An order that the buyer has not opened does not exist for anybody who asks. trade_no wins over out_trade_no. */
export function existingTrade({ trades }: Office, biz: unknown): Order | TradeRefusal {
  const ref = refSchema.safeParse(biz);
  if (!ref.success || (ref.data.out_trade_no ?? ref.data.trade_no) === undefined) {
    return { code: 'INVALID_PARAMETER', message: '参数无效' };
  }
  const { out_trade_no, trade_no } = ref.data;
  const order = trade_no === undefined ? trades.find(out_trade_no ?? '') : trades.findByTradeNo(trade_no);
  return order?.visible ? order : { code: 'TRADE_NOT_EXIST', message: '交易不存在' };
}

/** The `biz_content` of a request; undefined when it is no JSON. */
export function bizOf(params: Params): unknown {
  try {
    return JSON.parse(params.get('biz_content') ?? '');
  } catch {
    return undefined;
  }
}

export function done(content: Fields): Fields {
  return { code: '10000', msg: 'Success', ...content };
}

export function failed({ code, message }: TradeRefusal): Fields {
  return { code: '40004', msg: 'Business Failed', sub_code: `ACQ.${code}`, sub_msg: message };
}
