import { describe } from 'vitest';
import { provider } from '../../../channels/epay/index.ts';
import { openEpaySandbox } from '../../../channels/epay/sandbox/index.ts';
import { money } from '../../../src/payment/index.ts';
import { describeCallbacks } from '../../contract/channel-callbacks.ts';
import { describeOrders } from '../../contract/channel-orders.ts';
import { type ChannelSubject, describeChannelContract } from '../../contract/channel-suite.ts';

const amount = money(1050, 'CNY');

// V1: the shared key is in the addresses of queries, answers are not signed, notices name no time, and nothing goes back by API.
const v1: ChannelSubject = {
  provider: { ...provider, capabilities: [] },
  creates: [
    { scene: 'qr', method: 'wechatpay', amount, action: 'qr_code' },
    { scene: 'redirect', method: 'alipay', amount: money(100, 'CNY'), action: 'redirect' },
  ],
  secrets: [['key']],
  requestSecret: ['key'],
  accountFields: ['pid'],
  answers: 'unsigned',
  callbackProof: { in: 'query', names: ['sign', 'sign_type'] },
  callbackWindowMs: null,
  leftOut: 'left-out',
};
describeChannelContract(v1);

// V2: RSA both ways, and refunds that are made at once or not at all.
describeChannelContract({
  provider: { ...provider, openSandbox: (options) => openEpaySandbox(options, { version: 'v2' }) },
  creates: [{ scene: 'redirect', method: 'alipay', amount, action: 'redirect' }],
  secrets: [['private_key'], ['platform_public_key']],
  requestSecret: ['private_key'],
  accountFields: ['pid'],
  answers: 'timed',
  callbackProof: { in: 'query', names: ['sign', 'sign_type'] },
  callbackWindowMs: 300_000,
  refunds: { calledBack: [], decided: 'at_once' },
});

// Signed links: the order appears when the buyer opens one.
describe('epay by link', () => {
  const byLink: ChannelSubject = {
    ...v1,
    provider: { ...v1.provider, openSandbox: (options) => openEpaySandbox(options, { createBy: 'link' }) },
    creates: [{ scene: 'wap', method: 'alipay', amount, action: 'redirect', exists: 'when_opened' }],
  };
  describe('orders', () => describeOrders(byLink));
  describe('callbacks', () => describeCallbacks(byLink));
});
