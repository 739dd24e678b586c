import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ChannelStage, patience, startChannelStage } from './channel-stage.ts';
import { type ChannelSubject, credentialAt, withCredential } from './channel-subject.ts';

const NO_SECRETS = [
  '',
  ' ',
  '0',
  'test',
  'secret',
  'changeme',
  'CHANGE-ME',
  'your-secret-key',
  '<your key here>',
  'x'.repeat(64),
  '0'.repeat(64),
  '*'.repeat(32),
];

/** What a channel may be configured with, and what becomes of wrong keys. */
export function describeCredentials(subject: ChannelSubject): void {
  const { provider, secrets, requestSecret } = subject;
  let stage: ChannelStage;
  let credentials: unknown;
  beforeAll(async () => {
    stage = await startChannelStage(subject);
    credentials = stage.host.credentials('one');
  });
  afterEach(() => stage.reset());
  afterAll(() => stage.close());

  const isAccepted = (raw: unknown): boolean => provider.configSchema.safeParse(raw).success;

  test("the sandbox's own credentials are accepted", () => {
    expect(isAccepted(credentials)).toBe(true);
  });

  test('two accounts share no secret', () => {
    for (const path of secrets) {
      expect(credentialAt(stage.host.credentials('two'), path)).not.toEqual(credentialAt(credentials, path));
    }
  });

  test.each(secrets.map((path) => [path.join('.'), path] as const))(
    '%s: an empty, short, placeholder or missing secret is refused',
    (_, path) => {
      for (const wrong of [...NO_SECRETS, undefined, null, 0, [], {}]) {
        expect(isAccepted(withCredential(credentials, path, wrong)), JSON.stringify(wrong)).toBe(false);
      }
    },
  );

  test('an unknown field is refused', () => {
    expect(isAccepted(withCredential(credentials, ['colour'], 'red'))).toBe(false);
  });

  test('a refusal repeats no secret', () => {
    const wrong = secrets.map((path) => `${String(credentialAt(credentials, path)).slice(0, -12)}\u0000tampered`);
    const spoilt = secrets.reduce((raw: unknown, path, i) => withCredential(raw, path, wrong[i]), credentials);
    const refusal = provider.configSchema.safeParse(withCredential(spoilt, ['colour'], 'red'));
    expect(refusal.success).toBe(false);
    for (const secret of wrong)
      expect(JSON.stringify(refusal.error)).not.toContain(JSON.stringify(secret).slice(1, -1));
  });

  test('with a wrong key for requests the operator is blamed, and no order is made', async () => {
    const foreign = credentialAt(stage.host.credentials('two'), requestSecret);
    const adapter = stage.openAdapter(withCredential(credentials, requestSecret, foreign));
    const blamed = { ok: false, error: { kind: 'AUTH_MISCONFIGURED', created: 'no' } };
    for (const wish of subject.creates.filter(({ scene }) => !adapter.createsOffline(scene))) {
      const request = stage.aRequest(wish);
      expect(await adapter.create(request, patience())).toMatchObject(blamed);
      expect(stage.book(request.providerRef)).toBeUndefined();
    }
    expect(await adapter.probe(patience())).toMatchObject(blamed);
  });
}
