import { describe, expect, test } from 'vitest';
import { faultsOf, importsOf } from '../../scripts/house.ts';

const graph = (imports: Readonly<Record<string, readonly string[]>>) => new Map(Object.entries(imports));

describe('the rules of the house', () => {
  test.each([
    ['src/payment/apply.ts', 'src/routing/index.ts'],
    ['src/routing/rank.ts', 'src/payment/apply.ts'],
    ['src/channel/contract.ts', 'src/gateway/index.ts'],
    ['src/gateway/change.ts', 'src/store/sqlite/index.ts'],
    ['src/gateway/change.ts', 'src/http/index.ts'],
    ['src/gateway/change.ts', 'src/evidence/index.ts'],
    ['src/http/payments.ts', 'src/store/sqlite/index.ts'],
    ['src/http/payments.ts', 'src/evidence/index.ts'],
    ['src/evidence/log.ts', 'src/store/port.ts'],
    ['src/story/words.ts', 'src/gateway/index.ts'],
    ['channels/alipay/transport.ts', 'src/evidence/port.ts'],
    ['src/what-if/replay.ts', 'src/store/port.ts'],
    ['src/what-if/replay.ts', 'src/routing/rank.ts'],
    ['src/rehearsal/rehearse.ts', 'src/store/sqlite/index.ts'],
    ['src/store/sqlite/store.ts', 'src/gateway/index.ts'],
    ['src/main.ts', 'src/payment/apply.ts'],
    ['src/payment/apply.ts', 'src/payment/index.ts'],
    ['src/gateway/callbacks.ts', 'src/payment/durable.ts'],
    ['channels/alipay/create.ts', 'channels/stripe/errors.ts'],
    ['channels/alipay/create.ts', 'src/gateway/index.ts'],
    ['channels/alipay/create.ts', 'channels/alipay/sandbox/index.ts'],
    ['channels/alipay/sandbox/index.ts', 'channels/alipay/errors.ts'],
    ['src/main.ts', 'test/payment/history.ts'],
  ])('%s may not import %s', (from, to) => {
    expect(faultsOf(graph({ [from]: [to] }))).not.toEqual([]);
  });

  test.each([
    ['src/payment/apply.ts', 'src/payment/facts.ts'],
    ['src/gateway/change.ts', 'src/payment/index.ts'],
    ['src/gateway/parts.ts', 'src/store/port.ts'],
    ['src/gateway/parts.ts', 'src/evidence/port.ts'],
    ['src/evidence/exchange.ts', 'src/channel/index.ts'],
    ['src/story/words.ts', 'src/evidence/index.ts'],
    ['src/what-if/replay.ts', 'src/routing/index.ts'],
    ['src/rehearsal/rehearse.ts', 'src/what-if/index.ts'],
    ['src/store/sqlite/store.ts', 'src/payment/durable.ts'],
    ['src/main.ts', 'src/store/sqlite/index.ts'],
    ['channels/alipay/index.ts', 'channels/alipay/sandbox/index.ts'],
    ['channels/alipay/sandbox/index.ts', 'src/channel/sandbox/index.ts'],
    ['test/payment/ids.test.ts', 'src/payment/ids.ts'],
  ])('%s may import %s', (from, to) => {
    expect(faultsOf(graph({ [from]: [to] }))).toEqual([]);
  });

  test('an import circle is a fault, however long', () => {
    const round = graph({ 'src/a/1.ts': ['src/a/2.ts'], 'src/a/2.ts': ['src/a/3.ts'], 'src/a/3.ts': ['src/a/1.ts'] });
    expect(faultsOf(round)).toEqual(['import circle: src/a/1.ts -> src/a/2.ts -> src/a/3.ts -> src/a/1.ts']);
  });

  test('imports of every form are seen', () => {
    const source = [
      "import { a } from './a.ts';",
      "import type { B } from '../b/index.ts';",
      "export * from './c.ts';",
      "import './d.ts';",
      "const e = await import('./e.ts');",
      "import {\n  f,\n  g,\n} from './f.ts';",
      "import koa from 'koa';",
    ].join('\n');
    expect(importsOf(source, 'src/x/y.ts')).toEqual([
      'src/x/a.ts',
      'src/b/index.ts',
      'src/x/c.ts',
      'src/x/d.ts',
      'src/x/e.ts',
      'src/x/f.ts',
    ]);
  });
});
