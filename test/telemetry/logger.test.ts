import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const LOGGER = join(import.meta.dirname, '../../src/telemetry/index.ts');

/** What a process writes to its standard output when it logs so: the logger itself, not a copy with another target. */
function logged(level: string, statement: string): Record<string, unknown>[] {
  const source = `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger('${level}'); ${statement}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', source], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const NEVER = [
  'authorization',
  'cookie',
  'signature',
  'sign',
  'private_key',
  'secret',
  'password',
  'token',
  'email',
  'ip',
  'phone',
  'body',
  'headers',
  'config',
];

describe('a log line', () => {
  test('is JSON with time, level and message', () => {
    const [line] = logged('info', "log.info({ paymentId: 'pay_1' }, 'payment changed');");
    expect(line).toMatchObject({ level: 'info', paymentId: 'pay_1', msg: 'payment changed' });
    expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Object.keys(line ?? {}).sort()).toEqual(['level', 'msg', 'paymentId', 'time']);
  });

  test('below the level is not written', () => {
    expect(logged('warn', "log.info({}, 'a'); log.warn({}, 'b');").map(({ msg }) => msg)).toEqual(['b']);
    expect(logged('silent', "log.error({}, 'a');")).toEqual([]);
  });

  test('does not wait until it is on the disk, which would hold up every request', () => {
    const statement = `
      const { default: fs } = await import('node:fs');
      let waits = 0;
      fs.fsyncSync = () => { waits += 1; };
      log.info({}, 'first');
      setImmediate(() => setImmediate(() => log.info({ waits }, 'second')));`;
    expect(logged('info', statement)).toMatchObject([{ msg: 'first' }, { msg: 'second', waits: 0 }]);
  });

  test('is written whole and in its place, however long it or the lines of its turn are', () => {
    const lengths = [1, 9_000, 9_000, 200_000, 2];
    const statement = `for (const length of ${JSON.stringify(lengths)}) log.info({ text: 'é'.repeat(length) }, 'm'); process.exit();`;
    const lines = logged('info', statement);
    expect(lines.map(({ text }) => (typeof text === 'string' ? text.length : 0))).toEqual(lengths);
  });

  test('is written again once there is room, however much was said while there was none', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'switchyard-log-'));
    const file = join(dir, 'log');
    // The file may grow to a few KiB only, until it is emptied: more has to wait than is kept, to the last free byte.
    const source = `import { createLogger } from ${JSON.stringify(LOGGER)};
      import { truncateSync } from 'node:fs';
      const log = createLogger('info');
      const say = async (text, times) => {
        for (let i = 0; i < times; i += 1) {
          log.info({ text }, 'm');
          await new Promise((done) => setImmediate(() => setImmediate(done)));
        }
      };
      await say('x'.repeat(10_000), 200);
      await say('y', 300);
      truncateSync(${JSON.stringify(file)});
      // What waited takes the room again; each time there is some, more of it is gone.
      for (let i = 0; i < 300; i += 1) {
        await say('y', 2);
        truncateSync(${JSON.stringify(file)});
      }
      await say('last', 1);`;
    const shell = 'ulimit -f 16; exec "$0" --input-type=module --eval "$1" >> "$2"';
    const { stderr, status } = spawnSync('sh', ['-c', shell, process.execPath, source, file], { encoding: 'utf8' });
    const lines = await readFile(file, 'utf8');
    await rm(dir, { recursive: true });
    expect({ status, lines }).toMatchObject({ status: 0, lines: expect.stringContaining('"last"') });
    expect(stderr).toMatch(/^The log cannot be written: EFBIG.*\n/);
    expect(stderr).toContain('The log is written again; some of what was said meanwhile is missing.');
  });

  test('never shows what secrets and personal data are called, at the top or one level down', () => {
    const values = Object.fromEntries(NEVER.map((name) => [name, 'x9-secret']));
    const statement = `const values = ${JSON.stringify(values)}; log.info({ ...values, request: values }, 'm');`;
    const [line] = logged('info', statement);
    expect(JSON.stringify(line)).not.toContain('x9-secret');
    const censored = Object.fromEntries(NEVER.map((name) => [name, '[redacted]']));
    expect(line).toMatchObject({ ...censored, request: censored });
  });

  test('reduces an error to its type, message and stack: libraries hang requests and keys on theirs', () => {
    const statement = `
      const cause = new Error('x9-secret in a cause');
      log.error({ err: Object.assign(new TypeError('broken', { cause }), { config: 'x9-secret', request: { key: 'x9-secret' } }) }, 'm');
      log.error({ err: 'a text' }, 'm');`;
    const [line, text] = logged('info', statement);
    expect(JSON.stringify(line)).not.toContain('x9-secret');
    expect(line?.err).toMatchObject({ type: 'TypeError', message: 'broken', stack: expect.stringContaining('broken') });
    expect(text?.err).toEqual({ type: 'string', message: 'a text' });
  });
});
