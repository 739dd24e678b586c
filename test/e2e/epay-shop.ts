import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const EPAY_KEY = 'sandbox-epay-key';

/** Signs as the classic SDK does: written from its description, without a line of ours. */
export function signedOrder(
  order: Readonly<Record<string, string>>,
  { kind = 'md5', key = EPAY_KEY }: { kind?: 'md5' | 'sha256'; key?: string } = {},
): Record<string, string> {
  const names = Object.keys(order).filter((name) => order[name] !== '');
  const text = names
    .sort()
    .map((name) => `${name}=${order[name]}`)
    .join('&');
  return { ...order, sign: hash(kind, text + key), sign_type: kind.toUpperCase() };
}

function hash(kind: string, text: string): string {
  return createHash(kind).update(text).digest('hex');
}

type Got = ReadonlyMap<string, string>;

/** How clients check what they are told, each with its own customs. They go by every parameter of the query. */
export const CLIENTS: Readonly<Record<string, (got: Got, key: string) => boolean>> = {
  'strict, all of the query': (got, key) => verifies(got, key, {}),
  'backslashes removed': (got, key) => verifies(got, key, { change: (value) => value.replaceAll('\\', '') }),
  'values trimmed by the framework': (got, key) => verifies(got, key, { change: (value) => value.trim() }),
  '"0" taken for empty': (got, key) => verifies(got, key, { keep: (value) => value !== '' && value !== '0' }),
  'empty values kept': (got, key) => verifies(got, key, { keep: () => true }),
  'sorted by locale': (got, key) => verifies(got, key, { order: (a, b) => a.localeCompare(b) }),
};

function verifies(
  got: Got,
  key: string,
  {
    change = (value: string) => value,
    keep = (value: string) => value !== '',
    order = (a: string, b: string): number => (a < b ? -1 : 1),
  },
): boolean {
  const text = [...got.keys()]
    .filter((name) => name !== 'sign' && name !== 'sign_type' && keep(change(got.get(name) ?? '')))
    .sort(order)
    .map((name) => `${name}=${change(got.get(name) ?? '')}`)
    .join('&');
  const kind = got.get('sign_type') === 'SHA256' ? 'sha256' : 'md5';
  return hash(kind, text + key) === got.get('sign') && got.get('trade_status') === 'TRADE_SUCCESS';
}

/** What a shop was told, by its own order number. */
export interface EpayShop {
  readonly url: string;
  told(outTradeNo: string): readonly Got[];
  /** What happens before the answer; its text is the answer. */
  onTold: (got: Got) => Promise<string> | string;
  close(): Promise<void>;
}

export async function openEpayShop(): Promise<EpayShop> {
  const told: Got[] = [];
  const server = createServer(async (request, response) => {
    const got = new Map(new URL(request.url ?? '', 'http://shop').searchParams);
    if (request.method !== 'GET') return void response.writeHead(405).end();
    told.push(got);
    response.end(await shop.onTold(got));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const shop: EpayShop = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told: (outTradeNo) => told.filter((got) => got.get('out_trade_no') === outTradeNo),
    onTold: () => 'success',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return shop;
}
