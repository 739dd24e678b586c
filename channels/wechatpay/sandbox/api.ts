import type { Faults, WireAnswer, WireRequest } from '../../../src/channel/sandbox/index.ts';
import type { Account } from './account.ts';
import { refuseUnauthorized } from './authorization.ts';
import { createOrder } from './create.ts';
import { parseJson } from './json.ts';
import { chinaTime, closeOrder, queryOrder } from './orders.ts';
import type { SignatureFlaw } from './platform.ts';
import { createRefund, queryRefund } from './refunds.ts';
import { paramError, type Reply, refuse } from './refusals.ts';

const TRANSACTIONS = '/v3/pay/transactions';
const REFUNDS = '/v3/refund/domestic/refunds';

/** Any call of the provider's API, checked as WeChat checks it. */
export function serveApi(request: WireRequest, account: Account): WireAnswer {
  const { keys, platform, now } = account;
  const refused = refuseUnauthorized(request, keys, platform.merchantPublicKey, now());
  return signed(refused ?? operate(request, account), request, account);
}

/** The answer with WeChat's headers and signature, or what a fault makes of it. */
export function signed(reply: Reply, request: WireRequest, account: Account): WireAnswer {
  const { platform, randomBytes, faults } = account;
  const body = reply.json === undefined ? '' : JSON.stringify(reply.json);
  const asked = headerOf(request, 'wechatpay-serial');
  const serial = asked !== undefined && platform.knows(asked) ? asked : undefined;
  const headers: Record<string, string> = {
    'Request-ID': Buffer.from(randomBytes(16)).toString('hex').toUpperCase(),
    ...platform.sign(body, flawOf(reply, faults().answer, account), serial),
  };
  if (body !== '') headers['Content-Type'] = 'application/json; charset=utf-8';
  return { status: reply.status, headers, body };
}

/** The requests that make an order. */
export function isCreate({ method, path }: WireRequest): boolean {
  return method === 'POST' && (path === `${TRANSACTIONS}/native` || path === `${TRANSACTIONS}/h5`);
}

/** The requests that make a refund. */
export function isRefund({ method, path }: WireRequest): boolean {
  return method === 'POST' && path === REFUNDS;
}

function operate(request: WireRequest, account: Account): Reply {
  const asked = headerOf(request, 'wechatpay-serial');
  if (asked !== undefined && !account.platform.knows(asked)) {
    return paramError('Http头Wechatpay-Serial对应的公钥或证书不存在');
  }
  const { refuseWith } = account.settings();
  return refuseWith === null ? route(request, account) : refuse(refuseWith.status, refuseWith.code, refuseWith.message);
}

function route(request: WireRequest, account: Account): Reply {
  const { keys } = account;
  const one = /^\/v3\/pay\/transactions\/(out-trade-no|id)\/([^/]+)(\/close)?$/.exec(request.path);
  const [, by, no = '', isClose] = one ?? [];
  switch (`${request.method} ${one ? TRANSACTIONS : request.path}`) {
    case `POST ${TRANSACTIONS}/native`:
      return createOrder('NATIVE', parseJson(request.body), keys, account);
    case `POST ${TRANSACTIONS}/h5`:
      return createOrder('MWEB', parseJson(request.body), keys, account);
    case `GET ${TRANSACTIONS}`:
      if (isClose || (by !== 'id' && by !== 'out-trade-no')) break;
      return queryOrder(by, decoded(no), request.query.get('mchid'), keys, account);
    case `POST ${TRANSACTIONS}`:
      if (!isClose || by !== 'out-trade-no') break;
      return closeOrder(decoded(no), parseJson(request.body), keys, account);
    case `POST ${REFUNDS}`:
      return createRefund(parseJson(request.body), account);
    case 'GET /v3/merchant/fund/balance/BASIC':
      return fundBalance(account);
    case 'GET /v3/certificates':
      return listCertificates(account);
  }
  const [, refundNo] = /^\/v3\/refund\/domestic\/refunds\/([^/]+)$/.exec(request.path) ?? [];
  if (request.method === 'GET' && refundNo !== undefined) return queryRefund(decoded(refundNo), account);
  return refuse(404, 'RESOURCE_NOT_EXISTS', '请求的资源不存在');
}

/** A direct merchant is not told, unless a test makes it one that is. */
function fundBalance({ balance }: Account): Reply {
  if (balance.granted() !== true) return refuse(403, 'NO_AUTH', '商户无权限');
  return { status: 200, json: { available_amount: balance.amounts().get('CNY') ?? 0, pending_amount: 0 } };
}

function listCertificates({ settings, platform }: Account): Reply {
  if (settings().keyMode === 'public_key') {
    return refuse(404, 'RESOURCE_NOT_EXISTS', '无可用的平台证书，请使用微信支付公钥');
  }
  const data = platform.certificates().map((one) => ({
    serial_no: one.serial,
    effective_time: chinaTime(one.effectiveAt),
    expire_time: chinaTime(one.expiresAt),
    encrypt_certificate: platform.encrypt(one.certificate, 'certificate'),
  }));
  return { status: 200, json: { data } };
}

function flawOf(reply: Reply, fault: Faults['answer'], account: Account): SignatureFlaw {
  // Before the merchant is known to be who it says, there is no key of its own to sign with.
  if (reply.status === 401) return 'unsigned';
  if (account.takeSignTest('signTestAnswers')) return 'probe';
  return fault === 'unsigned' || fault === 'wrong_key' || fault === 'stale' ? fault : 'none';
}

function headerOf(request: WireRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
