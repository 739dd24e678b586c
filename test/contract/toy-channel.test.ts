import { toy } from '../channel/sandbox/toy/provider.ts';
import { describeChannelContract } from './channel-suite.ts';

// The toy shows that the suite can be passed; the providers' own files show that they do.
describeChannelContract({
  provider: toy,
  creates: [
    { scene: 'qr', method: 'toy', amount: { minor: 1050, currency: 'CNY' }, action: 'qr_code' },
    {
      scene: 'redirect',
      method: 'toy',
      amount: { minor: 1, currency: 'CNY' },
      action: 'redirect',
      exists: 'when_opened',
    },
  ],
  secrets: [['secret']],
  requestSecret: ['secret'],
  accountFields: ['merchant'],
  answers: 'timed',
  callbackWindowMs: 300_000,
  callbackProof: { in: 'headers', names: ['toy-time', 'toy-sign'] },
});
