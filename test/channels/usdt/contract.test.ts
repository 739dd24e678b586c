import { provider } from '../../../channels/usdt/index.ts';
import { describeChannelContract } from '../../contract/channel-suite.ts';

describeChannelContract({
  provider,
  creates: [
    { scene: 'qr', method: 'usdt', amount: { minor: 1050, currency: 'CNY' }, action: 'qr_code' },
    { scene: 'redirect', method: 'usdt', amount: { minor: 12_340_000, currency: 'USDT' }, action: 'redirect' },
  ],
  secrets: [['api_token']],
  requestSecret: ['api_token'],
  // Notices name no account: the token is one instance's alone.
  accountFields: [],
  answers: 'unsigned',
  callbackProof: { in: 'json', names: ['signature'] },
  callbackWindowMs: null,
  queriedBy: 'their_number',
  paidAt: 'never_told',
});
