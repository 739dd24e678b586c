import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROVIDERS } from '../../channels/index.ts';
import { NO_FAULTS } from '../../src/channel/sandbox/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { blocks, isThere, namedPaths, ROOT, readPage, readPages, rows, section } from './pages.ts';

const readme = readPage('README.md');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-pages-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(readPages())('$path', (page) => {
  test('every file and folder that it names is there', () => {
    expect(namedPaths(page).filter((path) => !isThere(path))).toEqual([]);
  });

  test('every script that it names is in package.json', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const run = [...page.text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name ?? '');
    const short = [...page.text.matchAll(/npm (start|test)\b/g)].map(([, name]) => name ?? '');
    expect([...run, ...short].filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('tables', () => {
  test('every environment variable is in the README, and no other', () => {
    const source = readFileSync(join(ROOT, 'src/config/environment.ts'), 'utf8');
    const read = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name ?? '');
    expect(read).toContain('MASTER_KEY');
    const documented = rows(section(readme, '## Production'), /^`[A-Z]/).flatMap(([cell = '']) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name ?? ''),
    );
    expect(documented.toSorted()).toEqual(read.toSorted());
  });

  test("every provider's row says what the provider says of itself", () => {
    const table = rows(section(readme, '## Channels'), /^`/);
    const words = { per_request: 'a URL with a token per payment', per_account: 'one URL per account' };
    const said = table.map(([id, , , , callbacks, also]) => [id, callbacks, also]);
    const true_ = PROVIDERS.map(({ id, callbackUrl, capabilities }) => [
      `\`${id}\``,
      words[callbackUrl],
      capabilities.join(', '),
    ]);
    expect(said.toSorted()).toEqual(true_.toSorted());
  });

  test('every provider has its credentials explained', () => {
    const table = rows(section(readme, '## Production'), /^`[a-z]/).map(([id = '']) => id.slice(1, -1));
    expect(table.toSorted()).toEqual(PROVIDERS.map(({ id }) => id).toSorted());
  });

  test('every fault of the sandbox is named', () => {
    const text = section(readme, '### 7. Break a channel and watch the failover');
    expect(Object.keys(NO_FAULTS).filter((name) => !text.includes(name))).toEqual([]);
  });

  test('every anomaly is explained, and no other', () => {
    const facts = readFileSync(join(ROOT, 'src/payment/facts.ts'), 'utf8');
    const telemetry = readFileSync(join(ROOT, 'src/gateway/telemetry-port.ts'), 'utf8');
    const unions = [/type AnomalyKind =([^;]+);/.exec(facts)?.[1], /anomaly\(\s*kind:([^)]+)\)/.exec(telemetry)?.[1]];
    const kinds = [...unions.join().matchAll(/'(\w+)'/g)].map(([, kind]) => kind ?? '');
    const table = rows(section(readPage('docs/operations.md'), '## Metrics'), /^`(?!switchyard_)/);
    const explained = table.flatMap(([cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, kind]) => kind ?? ''));
    expect(explained.toSorted()).toEqual(kinds.toSorted());
  });
});

test('the production configuration of the README is accepted as it stands', () => {
  const [gatewayYaml = '', merchantsYaml = ''] = blocks(section(readme, '## Production'), 'yaml');
  const key = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'gateway.yaml'), gatewayYaml);
  writeFileSync(join(folder, 'merchants.yaml'), merchantsYaml);
  writeFileSync(join(folder, 'secrets/alipay.pem'), key().privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(folder, 'secrets/alipay-public.pem'), key().publicKey.export({ type: 'spki', format: 'pem' }));
  const env = {
    PUBLIC_URL: 'https://pay.example.com',
    ALIPAY_APP_ID: '2021001234567890',
    ALIPAY_SELLER_ID: '2088101234567890',
    SHOP_SECRET_KEY: randomBytes(24).toString('hex'),
    SHOP_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
  };
  const loaded = loadConfig({ path: join(folder, 'gateway.yaml'), env, providers: PROVIDERS, production: true });
  expect(loaded.ok ? loaded.value.channels.map(({ id }) => id) : loaded.error).toEqual(['alipay-main']);
});
