import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { provider } from '../../docs/channel-template/index.ts';
import { faultsOf, importsOf } from '../../scripts/house.ts';
import { describeChannelContract } from '../contract/channel-suite.ts';

const amount = { minor: 1050, currency: 'CNY' };

// A copied folder starts from something that passes; this file is what its author copies to test/channels/<id>/.
describeChannelContract({
  provider,
  creates: [{ scene: 'redirect', method: 'alipay', amount, action: 'redirect' }],
  secrets: [['secret']],
  requestSecret: ['secret'],
  accountFields: ['account'],
  answers: 'timed',
  callbackProof: { in: 'headers', names: ['ex-time', 'ex-sign'] },
  callbackWindowMs: 300_000,
});

test('the template keeps the rules of the house once it is copied to channels/', () => {
  const root = join(import.meta.dirname, '../../docs/channel-template');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const graph = new Map(
    files.map((name) => {
      const path = `channels/examplepay/${name.replaceAll('\\', '/')}`;
      return [path, importsOf(readFileSync(join(root, name), 'utf8'), path)];
    }),
  );
  expect(graph.get('channels/examplepay/create.ts')).toContain('src/channel/index.ts');
  expect(faultsOf(graph)).toEqual([]);
});
