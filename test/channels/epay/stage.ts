import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { provider } from '../../../channels/epay/index.ts';
import type { ChannelAdapter, CreateRequest, RawCallback, WireExchange } from '../../../src/channel/index.ts';
import { newId, providerRefOf } from '../../../src/payment/index.ts';

export const KEY = 'n3v3r-to-be-seen-anywhere';
export const PID = '1001';
export const NOW = Date.parse('2026-11-27T12:00:00Z');

/** What a scripted operator says; a text is a whole body. */
export type Script = (path: string) => Record<string, unknown> | string;

export interface Stage {
  readonly adapter: ChannelAdapter;
  readonly recorded: readonly WireExchange[];
  readonly asked: readonly string[];
}

/** An adapter of V1 whose operator says what the script says. */
export async function openStage(script: Script, set: Record<string, unknown> = {}): Promise<Stage> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const said = script(request.url ?? '');
    response.end(typeof said === 'string' ? said : JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const base = `http://127.0.0.1:${address.port}`;
  const recorded: WireExchange[] = [];
  const credentials = { version: 'v1', pid: PID, key: KEY, base_url: base, ...set };
  const adapter = provider.openAdapter(provider.configSchema.parse(credentials), {
    now: () => NOW,
    randomBytes,
    record: (exchange) => recorded.push(exchange),
  });
  onTestFinished(async () => {
    await adapter.dispose();
    await new Promise((resolve) => server.close(resolve));
  });
  return { adapter, recorded, asked };
}

export function anOrder(set: Partial<CreateRequest> = {}): CreateRequest {
  const providerRef = providerRefOf(newId('pay', NOW, randomBytes), 1);
  return {
    providerRef,
    amount: { minor: 1050, currency: 'CNY' },
    method: 'alipay',
    scene: 'redirect',
    subject: 'Game key',
    expiresAt: NOW + 900_000,
    callbackUrl: `https://gateway.example/callbacks/epay-upstream/${providerRef}-token`,
    returnUrl: 'https://gateway.example/pay/return',
    buyer: { ip: '203.0.113.7' },
    ...set,
  };
}

/** The notice of a paid order; `undefined` leaves a field out. */
export function noticeOf(order: CreateRequest, set: Record<string, string | undefined> = {}): Record<string, string> {
  const fields = {
    pid: PID,
    trade_no: '2026112720000000001',
    out_trade_no: order.providerRef,
    type: 'alipay',
    name: order.subject,
    money: '10.5',
    trade_status: 'TRADE_SUCCESS',
    ...set,
  };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Signed as an operator does it, written down here once more so that the adapter is not tried by itself. */
export function signed(fields: Record<string, string>, key = KEY): RawCallback {
  const text = Object.entries(fields)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&');
  const sign = createHash('md5').update(`${text}${key}`).digest('hex');
  return rawCallback({ ...fields, sign, sign_type: 'MD5' });
}

export function rawCallback(fields: Record<string, string>): RawCallback {
  const target = `/callbacks/epay-upstream/token?${new URLSearchParams(fields)}`;
  return { method: 'GET', target, headers: new Map(), body: new Uint8Array(), receivedAt: NOW };
}

/** What act=order says of an order that was paid. */
export function paidOrder(order: CreateRequest, set: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    code: 1,
    msg: 'succ',
    trade_no: '2026112720000000001',
    out_trade_no: order.providerRef,
    pid: Number(PID),
    money: '10.50',
    status: '1',
    addtime: '2026-11-27 19:59:00',
    endtime: '2026-11-27 20:00:00',
    ...set,
  };
}
