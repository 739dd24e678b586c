import { provider } from '../../../channels/stripe/index.ts';
import { describeChannelContract } from '../../contract/channel-suite.ts';

const amount = { minor: 1_050, currency: 'USD' };

describeChannelContract({
  provider,
  callbackWindowMs: 300_000,
  creates: [
    { scene: 'redirect', method: 'card', amount, action: 'redirect' },
    { scene: 'wap', method: 'card', amount: { minor: 500, currency: 'JPY' }, action: 'redirect' },
    // A PaymentIntent has no end at Stripe; the gateway cancels it.
    { scene: 'inapp', method: 'card', amount, action: 'client_secret', expires: 'by_our_close' },
  ],
  secrets: [['secret_key'], ['publishable_key'], ['webhook_secrets', 0]],
  requestSecret: ['secret_key'],
  // Events of an account's own endpoint name no account: the signing secret is the endpoint's alone.
  accountFields: [],
  answers: 'unsigned',
  callbackProof: { in: 'headers', names: ['stripe-signature'] },
});
