import { expect, test } from 'vitest';
import { provider as alipay } from '../../channels/alipay/index.ts';
import { provider as epay } from '../../channels/epay/index.ts';
import { provider as paypal } from '../../channels/paypal/index.ts';
import { provider as stripe } from '../../channels/stripe/index.ts';
import { provider as usdt } from '../../channels/usdt/index.ts';
import { provider as wechatpay } from '../../channels/wechatpay/index.ts';
import { faultsOf, lineOfPart, loaded, SHIPPED } from './builders.ts';

const providers = [alipay, epay, paypal, stripe, usdt, wechatpay];

test('the shipped files load with the shipped providers', () => {
  expect(loaded(SHIPPED, { providers }).channels).toHaveLength(7);
});

test('the credentials that the shipped file shows as comments are the ones that its providers want', () => {
  const gateway = SHIPPED.gateway
    .replaceAll('mode: sandbox\n', 'mode: live\n')
    .replaceAll(/^ {4}# credentials:.*\n(?: {4}# {3}.*\n)+/gm, (block) => block.replaceAll(/^ {4}# /gm, '    '));
  const faults = faultsOf({ ...SHIPPED, gateway }, { providers });
  // All that is missing is what only the operator has; alipay-backup shows no example.
  const others = faults.filter(
    ({ path, message }) => !path.includes('backup') && !/environment|no such file/.test(message),
  );
  expect(others).toEqual([]);
  expect(faults).toContainEqual(
    expect.objectContaining({
      path: 'channels.stripe-main.credentials.webhook_secrets[0]',
      line: lineOfPart(gateway, 'webhook_secrets:'),
    }),
  );
});
