import { provider } from '../../../channels/alipay/index.ts';
import { money } from '../../../src/payment/index.ts';
import { describeChannelContract } from '../../contract/channel-suite.ts';

const amount = money(1050, 'CNY');

describeChannelContract({
  provider,
  creates: [
    { scene: 'qr', method: 'alipay', amount, action: 'qr_code', exists: 'when_opened' },
    { scene: 'redirect', method: 'alipay', amount, action: 'redirect', exists: 'when_opened' },
    { scene: 'wap', method: 'alipay', amount, action: 'redirect', exists: 'when_paid' },
  ],
  secrets: [['private_key'], ['alipay_public_key']],
  requestSecret: ['private_key'],
  accountFields: ['app_id', 'seller_id'],
  answers: 'signed',
  callbackProof: { in: 'form', names: ['sign', 'sign_type'] },
  callbackWindowMs: null,
  // A refund that fails changes nothing at the trade, so there is nothing to notify.
  refunds: { calledBack: ['succeeded'], queried: 'made_ones' },
});
