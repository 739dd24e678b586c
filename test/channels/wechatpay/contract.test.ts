import { describe } from 'vitest';
import { provider } from '../../../channels/wechatpay/index.ts';
import { startWechatPaySandbox } from '../../../channels/wechatpay/sandbox/index.ts';
import { describeCallbacks } from '../../contract/channel-callbacks.ts';
import { describeOrders } from '../../contract/channel-orders.ts';
import { type ChannelSubject, describeChannelContract } from '../../contract/channel-suite.ts';

const subject: ChannelSubject = {
  provider,
  callbackWindowMs: 300_000,
  creates: [
    { scene: 'qr', method: 'wechatpay', amount: { minor: 1050, currency: 'CNY' }, action: 'qr_code' },
    { scene: 'redirect', method: 'wechatpay', amount: { minor: 1, currency: 'CNY' }, action: 'qr_code' },
    { scene: 'wap', method: 'wechatpay', amount: { minor: 99_999_900, currency: 'CNY' }, action: 'redirect' },
  ],
  secrets: [['private_key'], ['api_v3_key'], ['public_key']],
  requestSecret: ['private_key'],
  accountFields: ['appid', 'mchid'],
  answers: 'timed',
  callbackProof: {
    in: 'headers',
    names: ['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'],
  },
};

describeChannelContract(subject);

// The other ways to check WeChat's signatures. How an adapter behaves before it has its certificates is in keys.test.ts.
describe.each(['certificate', 'mixed'] as const)('wechatpay with key mode %s', (keyMode) => {
  const other: ChannelSubject = {
    ...subject,
    provider: { ...provider, openSandbox: (options) => startWechatPaySandbox(options, { keyMode }) },
  };
  describe('orders', () => describeOrders(other));
  describe('callbacks', () => describeCallbacks(other));
});
