import { expect, test } from 'vitest';
import { provider } from '../../../channels/stripe/index.ts';

const GOOD = {
  secret_key: 'sk_test_51H8abcdefGHIJKLmnop',
  publishable_key: 'pk_test_51H8abcdefGHIJKLmnop',
  webhook_secrets: ['whsec_1234567890abcdefghij'],
  account: 'acct_1H8abcdefGHIJ',
};

const fitting = (set: Record<string, unknown>) => provider.configSchema.safeParse({ ...GOOD, ...set }).success;

test('a complete configuration is taken, live or test, with a secret or a restricted key', () => {
  expect(fitting({})).toBe(true);
  expect(fitting({ secret_key: 'rk_test_51H8abcdefGHIJKLmnop' })).toBe(true);
  expect(fitting({ secret_key: 'sk_live_51H8abcdefGHIJKLmnop', publishable_key: 'pk_live_51H8abcdefGHIJKLmnop' })).toBe(
    true,
  );
  expect(fitting({ webhook_secrets: ['whsec_1234567890abcdefghij', 'whsec_0987654321abcdefghij'] })).toBe(true);
});

test.each([
  ['an empty secret key', { secret_key: '' }],
  ['a secret key that is only its prefix', { secret_key: 'sk_test_' }],
  ['a short secret key', { secret_key: 'sk_test_abc123' }],
  ['a placeholder for a secret key', { secret_key: 'sk_test_xxxxxxxxxxxxxxxxxxxxxxxx' }],
  ['a publishable key in the place of the secret one', { secret_key: GOOD.publishable_key }],
  ['keys of two modes', { secret_key: 'sk_live_51H8abcdefGHIJKLmnop' }],
  ['no webhook secret', { webhook_secrets: [] }],
  ['an empty webhook secret', { webhook_secrets: [''] }],
  ['a blank webhook secret', { webhook_secrets: ['whsec_                    '] }],
  ['a webhook secret that is only its prefix', { webhook_secrets: ['whsec_'] }],
  ['one good and one empty webhook secret', { webhook_secrets: [...GOOD.webhook_secrets, ''] }],
  ['the same webhook secret twice', { webhook_secrets: [...GOOD.webhook_secrets, ...GOOD.webhook_secrets] }],
  [
    'three webhook secrets',
    { webhook_secrets: ['whsec_1a2b3c4d5e6f7g8h9i', 'whsec_2a2b3c4d5e6f7g8h9i', 'whsec_3a2b3c4d5e6f7g8h9i'] },
  ],
  ['no account', { account: '' }],
  ['something else for an account', { account: 'm_demo_123456789' }],
  ['plain http to another machine', { base_url: 'http://api.example.com' }],
  ['a base URL with a user', { base_url: 'https://user:pass@api.example.com' }],
  ['another protocol', { base_url: 'ftp://api.example.com' }],
  ['a misspelt key', { webhook_secret: 'whsec_1234567890abcdefghij' }],
])('%s is refused', (_what, set) => {
  expect(fitting(set)).toBe(false);
});

test('plain http is taken on the loopback, where the sandbox is', () => {
  expect(fitting({ base_url: 'http://127.0.0.1:8082/stripe-main' })).toBe(true);
});

test('a refusal does not repeat the secret', () => {
  const parsed = provider.configSchema.safeParse({ ...GOOD, secret_key: 'sk_test_verysecret' });
  expect(JSON.stringify(parsed.error)).not.toContain('verysecret');
});
