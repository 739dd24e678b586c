import type { Order, SimulatorOptions, WireAnswer } from '../../../src/channel/sandbox/index.ts';

export interface Desk {
  readonly options: SimulatorOptions;
  readonly token: string;
  /** The one wallet that everything is received in. */
  readonly address: string;
}

/** What the instance knows of an order beside what the kit does. */
export interface Detail {
  readonly orderId: string;
  readonly fiat: string;
  readonly money: string;
  readonly actualAmount: string;
  readonly notifyUrl: string;
  readonly redirectUrl: string;
  readonly hash: string;
  readonly confirmedAt: number;
}

export function detailOf({ detail }: Order): Detail {
  const text = (name: string) => String(detail[name] ?? '');
  return {
    orderId: text('orderId'),
    fiat: text('fiat'),
    money: text('money'),
    actualAmount: text('actualAmount'),
    notifyUrl: text('notifyUrl'),
    redirectUrl: text('redirectUrl'),
    hash: text('hash'),
    confirmedAt: Number(detail.confirmedAt ?? 0),
  };
}

/** 1 waiting, 2 paid, 3 expired, 4 cancelled, 5 on the chain and not confirmed yet. */
export function statusOf({ options }: Desk, order: Order): number {
  const now = options.now();
  if (order.status === 'paid') return detailOf(order).confirmedAt > now ? 5 : 2;
  if (order.status === 'closed') return 4;
  return order.expiresAt !== null && order.expiresAt <= now ? 3 : 1;
}

export function success(data: Readonly<Record<string, unknown>>): WireAnswer {
  return json({ status_code: 200, message: 'success', data, request_id: '' });
}

/** Refusals are 200 over HTTP. */
export function refusal(message: string): WireAnswer {
  return json({ status_code: 400, message });
}

function json(value: unknown): WireAnswer {
  return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(value) };
}
