import type {
  Order,
  Simulator,
  SimulatorOptions,
  WireAnswer,
  WireRequest,
} from '../../../src/channel/sandbox/index.ts';
import { answer, type Desk, refusal, yuanOf } from './desk.ts';
import { openKeys } from './keys.ts';
import { notify } from './notices.ts';
import { createByApi, showOrder } from './orders.ts';
import { isPage, paramsOf, servePage, submit } from './pages.ts';
import { openProofs, type Params } from './proof.ts';
import { refund, showRefund } from './refunds.ts';
import { SETTINGS, type Settings } from './settings.ts';

/**
 * An epay operator of the Rainbow lineage with one account, after zxh1220/epay: V1, or V2 when it is started so. Not there: the lists
 * of orders and settlements, transfers, V1's refunds.
 */
export async function openEpaySandbox(options: SimulatorOptions, initial: Partial<Settings> = {}): Promise<Simulator> {
  const settings: Settings = { ...SETTINGS, ...initial };
  const keys = await openKeys(options, settings.version);
  const desk: Desk = { options, settings, keys, proofs: openProofs(keys) };

  const pay: Simulator['pay'] = async (order, { amountMinor, delivery }) => {
    const paidAmountMinor = amountMinor ?? order.amountMinor;
    const paid: Order = { ...order, status: 'paid', paidAmountMinor, paidAt: options.now() };
    options.books.put(paid);
    notify(desk, paid, delivery);
  };

  return {
    credentials: () => credentialsOf(desk),
    keys: () => keys,
    async handle(request) {
      if (isPage(request)) {
        return servePage(desk, request, (order) => void pay(order, { amountMinor: null, delivery: { mode: 'send' } }));
      }
      return serveApi(desk, request);
    },
    // PHP prints its warnings in front of whatever the script had to say.
    internalError: () => ({
      status: 200,
      headers: { 'content-type': 'text/html; charset=UTF-8' },
      body: '<br />\n<b>Warning</b>:  mysqli_connect(): (HY000/2002): Connection refused<br />\n{"code":-1,"msg":""}',
    }),
    isCreate: ({ path }) => path === '/mapi.php' || path === '/api/pay/create',
    isRefund: ({ path }) => path === '/api/pay/refund',
    isBuyerPage: isPage,
    async visit(url) {
      const params = Object.fromEntries(new URL(url).searchParams);
      if (params.pid !== undefined) submit(desk, params);
    },
    pay,
    // A try that the wallet declines is not told to anybody: the order stays unpaid.
    fail: async () => {},
    // Refunds are made at once here, so none is ever left undecided.
    settleRefund: async () => {},
  };
}

function credentialsOf({ settings, keys, options }: Desk): unknown {
  const { version, createBy, orderLifeMs } = settings;
  const common = {
    version,
    pid: keys.pid,
    base_url: options.baseUrl(),
    create_by: createBy,
    order_life_minutes: orderLifeMs / 60_000,
  };
  if (keys.rsa === null || version === 'v1') return { ...common, key: keys.key };
  const { merchant, platform } = keys.rsa;
  const pair = { private_key: merchant.privateKey, platform_public_key: platform.publicKey };
  return { ...common, ...pair, refunds: true };
}

function serveApi(desk: Desk, request: WireRequest): WireAnswer {
  const params = paramsOf(request);
  if (desk.settings.version === 'v2') return serveV2(desk, request.path, params);
  if (request.path === '/mapi.php') return createByApi(desk, params);
  if (request.path !== '/api.php') return refusal(desk, 'URL Error!', -5);
  if (params.pid !== desk.keys.pid) return refusal(desk, '商户ID不存在', -3);
  if (params.key !== desk.keys.key) return refusal(desk, '商户密钥错误', -3);
  return params.act === 'order' ? showOrder(desk, params) : refusal(desk, 'No Act!', -5);
}

function serveV2(desk: Desk, path: string, params: Params): WireAnswer {
  if (path === '/api/pay/create') return createByApi(desk, params);
  const serve = V2_METHODS.get(path);
  if (serve === undefined) return refusal(desk, '接口方法不存在', -5);
  if (params.pid !== desk.keys.pid) return refusal(desk, '商户不存在！');
  const badProof = desk.proofs.whyNot(params, desk.options.now());
  return badProof === null ? serve(desk, params) : refusal(desk, badProof, -3);
}

const V2_METHODS: ReadonlyMap<string, (desk: Desk, params: Params) => WireAnswer> = new Map([
  ['/api/pay/query', showOrder],
  ['/api/pay/refund', refund],
  ['/api/pay/refundquery', showRefund],
  ['/api/merchant/info', merchantInfo],
]);

function merchantInfo(desk: Desk): WireAnswer {
  const held = desk.options.balance.amounts().get('CNY') ?? 0;
  return answer(desk, { code: 0, pid: desk.keys.pid, status: 1, pay_status: 1, settle_status: 1, money: yuanOf(held) });
}
