import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WITH_SERVERS } from '../grafana/with-servers.ts';
import { aFreePort } from '../services/free-port.ts';
import { blocks, readPage, readPages, rows, section, withoutBlocks } from './pages.ts';
import { run, type Started, startGateway } from './started.ts';

const readme = readPage('README.md');
const commands = [...blocks(section(readme, '## Sixty seconds'), 'sh'), ...blocks(section(readme, '## Tasks'), 'sh')];

const SLOW_MS = 180_000;

let gateway: Started;
let outputs: readonly string[];
beforeAll(async () => {
  gateway = await startGateway();
  outputs = await runAll(commands);
}, SLOW_MS);
afterAll(() => gateway.stop());

/** All blocks in one shell, as a reader types them; the output of each. */
async function runAll(scripts: readonly string[]): Promise<readonly string[]> {
  const place = (url: string): string => new URL(url).host;
  const blocksInOrder = scripts.map((code) => `${code}\necho '@@ end of block'`);
  // Should a command fail, the shop in the background must not wait for its event for ever.
  // One stream, so that complaints stay where they belong among the outputs.
  const script = ['exec 2>&1', `trap 'for job in $(jobs -p); do kill "$job"; done' EXIT`, ...blocksInOrder]
    .join('\n')
    .replaceAll('127.0.0.1:8080', place(gateway.publicUrl))
    .replaceAll('127.0.0.1:8081', place(gateway.adminUrl))
    .replaceAll('127.0.0.1:8082', place(gateway.sandboxUrl))
    .replaceAll('9000', String(await aFreePort()));
  const { code, output } = await run('bash', ['-eu', '-o', 'pipefail', '-c', script], gateway.env);
  expect(code, output).toBe(0);
  return output.split('@@ end of block\n');
}

/** What the block that holds this text has printed. */
function outputOf(part: string): string {
  const index = commands.findIndex((code) => code.includes(part));
  expect(index, `a command with ${part}`).toBeGreaterThanOrEqual(0);
  return outputs[index] ?? '';
}

describe('the commands of the README', () => {
  test('the start prints what the README shows', () => {
    const shown = blocks(section(readme, '## Sixty seconds'), 'console')[0] ?? '';
    const lines = (text: string): readonly string[] =>
      text
        .slice(text.indexOf('Switchyard is ready.'))
        .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
        .split('\n')
        .filter((line) => line.trim() !== '');
    expect(lines(shown)).toEqual(lines(gateway.greeting).slice(0, lines(shown).length));
  });

  test('none of them is refused', () => {
    expect(outputs.join('\n')).not.toMatch(/"(type|title)":"(urn:switchyard:error|refused|not found)/);
  });

  test('a payment is created, paid in the sandbox, and its event arrives', () => {
    expect(outputOf('echo "$PAYMENT"')).toMatch(/"status":"pending".*"checkout_url":"http.*"provider_ref"/);
    expect(outputOf('.listen(9000')).toMatch(/"status":"paid"/);
    expect(outputOf('.listen(9000')).toMatch(/\{"type":"payment.succeeded","id":"evt_\w+","timestamp".*"A1001"/);
  });

  test('a payment whose callback is lost is found by asking, and an open one is closed', () => {
    expect(outputOf('"callback\\":\\"drop')).toMatch(/"status":"paid"/);
    const [synced = '', ...rest] = outputOf('/sync').split('\n');
    expect(synced).toMatch(/"status":"succeeded".*"merchant_order_no":"B2"/);
    expect(rest.join('\n')).toMatch(/"status":"closed","status_reason":"merchant","merchant_order_no":"B3"/);
  });

  test('a payment is refunded in part, the same again, and the rest', () => {
    const [first = '', again = '', rest = ''] = outputOf('"merchant_refund_no":"R1"').split('\n');
    expect(first).toMatch(/"id":"rf_\w+_001","object":"refund".*"amount":300,"currency":"CNY","status":"succeeded"/);
    expect(again).toBe(first);
    expect(rest).toMatch(/"amount":700,.*"status":"succeeded"/);
  });

  test('the routing of a payment is explained, and a quote names a channel', () => {
    expect(outputOf('/routing"')).toMatch(/"explanation":"wechatpay-main/);
    expect(outputOf('/v1/routing/quote')).toMatch(/\{"channel":"[a-z-]+","candidates"/);
  });

  test('a broken channel is left for the next one, and the story shows it as the README does', () => {
    const output = outputOf('"outage":true');
    const shown = section(readme, '### 7. Break a channel and watch the failover');
    for (const line of [
      /attempt 1 .* alipay-main {2}alipay {2}unknown/,
      /attempt 2 .* alipay-backup {2}alipay {2}open/,
      /after alipay-main failed, alipay-backup: the only channel that can take this payment/,
      /CHANNEL {9}STATE {4}METHODS +WEIGHT {2}BREAKER {2}TECHNICAL {2}PAID {3}SCORE/,
    ]) {
      expect(output).toMatch(line);
      expect(shown).toMatch(line);
    }
  });

  test('a configuration is accepted or refused in the words that the README shows', () => {
    // The lines move whenever somebody explains a key better.
    const plain = (text: string) => text.replaceAll(/^\S+\/gateway\.yaml(:\d+)?:/gm, 'gateway.yaml:').trim();
    const shown =
      blocks(section(readme, '### 8. Change weights, fees, policies; drain a channel; check it'), 'text')[0] ?? '';
    expect(plain(outputOf('config check'))).toBe(plain(shown));
    expect(outputOf('config diff')).toContain('\nchannels.alipay-backup.fee.rate: 0.7% -> 0.5%\nexit code 2\n');
  });

  test('a merchant is added as shown, and its key replaced', () => {
    const shown = blocks(section(readme, '### 11. Add a merchant'), 'text')[0] ?? '';
    const shape = (text: string): string =>
      text
        .trim()
        .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
        .replaceAll(/\((?:[0-9a-f]{8}|\S+\/merchants\.yaml)\)/g, '(…)')
        .replaceAll(/^( {2}(?:secret key|webhook secret|epay key) +(?:sk_|whsec_)?)\S+/gm, '$1…');
    expect(shape(outputOf('merchants add m_shop'))).toBe(shape(shown));
    const revoked = outputOf('merchants revoke m_shop');
    expect(revoked).toMatch(/^the key [0-9a-f]{8} of m_shop is revoked .*\nThe running gateway has taken it\.$/m);
    expect(revoked).toMatch(/^m_shop +enabled +1001 +alipay-main,alipay-backup +500000 +120 /m);
  });

  test('health, metrics and status answer, and an event can be sent again', () => {
    const output = outputOf('/healthz');
    expect(output).toContain('{"ok":true}');
    expect(output).toContain('"store":"ok"');
    expect(output).toMatch(/switchyard_payments_total\{method="alipay",outcome="created"\} \d/);
    expect(outputOf('/redeliver')).toMatch(/"state":"pending","tries":0/);
    expect(outputOf('/redeliver')).toMatch(/"fulfilment":"delivered"/);
  });
});

describe('what a running gateway offers', () => {
  const pages = readPages();
  const prose = pages.map(({ text }) => text).join('\n');

  test('every metric that is documented exists, and every metric is documented', async () => {
    const answer = await fetch(`${gateway.adminUrl}/metrics`);
    const always = [...(await answer.text()).matchAll(/^# TYPE (switchyard_\w+) /gm)].map(([, name]) => name ?? '');
    const exported = [...always, ...WITH_SERVERS.keys()];
    const named = [...prose.matchAll(/\bswitchyard_[a-z_]+/g)].map(([name]) => name);
    expect(named.filter((name) => !exported.includes(name))).toEqual([]);
    const documented = rows(readPage('docs/operations.md').text, /^`switchyard_/).map(([cell = '']) =>
      cell.slice(1, -1),
    );
    expect(documented.toSorted()).toEqual(exported.toSorted());
  });

  test('every address that is documented is served', async () => {
    const named = [...withoutBlocks(prose).matchAll(/`(GET|POST) (\/[\w/{}]+)/g)];
    expect(named.length).toBeGreaterThan(3);
    for (const [, method = '', path = ''] of named) {
      // The simulators' own control API belongs to the sandbox listener, which answers 404 for a channel that it does not know.
      if (path.startsWith('/_control/')) continue;
      const base = path.startsWith('/v1/') ? gateway.publicUrl : gateway.adminUrl;
      const answer = await fetch(base + path.replaceAll(/\{\w+\}/g, 'x'), { method });
      // Without a key the merchant API says so before anything else, and what changes something wants a JSON body; a path that is not
      // served is a 404.
      expect([200, 400, 401, 415], `${method} ${path}`).toContain(answer.status);
    }
  });

  test('every command that is documented exists', async () => {
    const wordsIn = (text: string) =>
      [...text.matchAll(/cli -- ([a-z]+(?: [a-z]+)?)/g)].map(([, words]) => words ?? '');
    const ran = wordsIn(commands.join('\n'));
    expect(ran).toContain('config check');
    const others = new Set(wordsIn(prose).filter((words) => !ran.includes(words) && words !== 'help'));
    for (const words of others) {
      const { output } = await run(process.execPath, ['src/cli.ts', ...words.split(' '), '--help'], gateway.env);
      expect(output).toContain(`Usage: switchyard ${words}`);
    }
  });
});
