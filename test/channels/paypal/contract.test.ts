import { provider } from '../../../channels/paypal/index.ts';
import { describeChannelContract } from '../../contract/channel-suite.ts';

describeChannelContract({
  provider,
  callbackWindowMs: 3 * 24 * 3_600_000,
  creates: [
    {
      scene: 'redirect',
      method: 'paypal',
      amount: { minor: 1_050, currency: 'USD' },
      action: 'redirect',
      expires: 'by_our_close',
    },
  ],
  queriedBy: 'their_number',
  moneyMoves: 'by_our_capture',
  secrets: [['client_secret']],
  requestSecret: ['client_secret'],
  // The webhook id is part of what is signed: with another one the signature is wrong.
  accountFields: ['merchant_id'],
  answers: 'unsigned',
  callbackProof: {
    in: 'headers',
    names: [
      'paypal-transmission-id',
      'paypal-transmission-time',
      'paypal-transmission-sig',
      'paypal-cert-url',
      'paypal-auth-algo',
    ],
  },
  // Of refunds that come to nothing PayPal documents no event; a query tells.
  refunds: { calledBack: ['succeeded'] },
});
