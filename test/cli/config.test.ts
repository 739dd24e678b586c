import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inTheatre, type Program } from '../e2e/program.ts';
import { inChannel, openDesk } from '../e2e/reload-stage.ts';

const SLOW_MS = 120_000;

async function ending(program: Program) {
  const { code } = await program.ended;
  return { code, out: program.stdout(), err: program.stderr() };
}

describe('config diff, reload and explain', { timeout: SLOW_MS }, () => {
  test(
    'tell what a proposed file would change in the gateway that runs, and take it',
    inTheatre(async (theatre) => {
      const gateway = await theatre.start();
      const run = (...args: string[]) => ending(theatre.run(['config', ...args], gateway.place));
      const desk = openDesk(theatre, gateway);
      expect(await run('diff')).toMatchObject({
        code: 0,
        out: expect.stringMatching(/in force since .*:\nno change\n$/),
      });

      const folder = join(theatre.folder, 'proposed');
      await mkdir(folder);
      const proposed = join(folder, 'gateway.yaml');
      const yaml = readFileSync(theatre.config, 'utf8');
      const changed = inChannel(
        inChannel(yaml, 'alipay-main', 'weight: 100', 'weight: 50'),
        'stripe-main',
        '2.9%',
        '3.1%',
      );
      writeFileSync(proposed, changed);
      const merchants = readFileSync(join(theatre.folder, 'merchants.yaml'), 'utf8');
      writeFileSync(
        join(folder, 'merchants.yaml'),
        merchants.replace(/secret_keys: .*/, 'secret_keys: ["a-key-nobody-may-see"]'),
      );
      const texts = [
        'channels.alipay-main.weight: 100 -> 50',
        'channels.stripe-main.fee.rate: 2.9% -> 3.1%',
        'merchants.m_demo.secret_keys: 1 added, 1 removed',
      ];
      const diff = await run('diff', proposed);
      expect(diff).toMatchObject({ code: 2, err: '' });
      expect(diff.out.trim().split('\n').slice(1)).toEqual(texts);
      const json = JSON.parse((await run('diff', proposed, '--json')).out);
      expect(json.changes.map(({ text }: { text: string }) => text)).toEqual(texts);
      expect(JSON.stringify(json) + diff.out).not.toMatch(/nobody-may-see|sk_sandbox_demo/);

      writeFileSync(proposed, changed.replace('weight: 50', 'weight: -1'));
      const refused = await run('diff', proposed);
      const line = changed.split('\n').indexOf('    weight: 50') + 1;
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain(`${proposed}:${line}: channels.alipay-main.weight: `);
      // Nothing of this has touched the gateway.
      expect((await desk.channel('alipay-main')).weight).toBe(100);

      writeFileSync(theatre.config, changed);
      expect((await run('reload')).code).toBe(0);
      expect((await desk.channel('alipay-main')).weight).toBe(50);
      writeFileSync(theatre.config, 'version: 2');
      const broken = await run('reload');
      expect(broken.code).toBe(1);
      expect(broken.err).toContain(`${theatre.config}:1: version: must be 1`);

      // What is in force, not what the files say.
      const explained = await run('explain');
      expect(explained.out).toMatch(/ {4}weight: 50 +# preference/);
      expect(explained.out).toMatch(/secret_keys: \[\(secret\)\]/);
      expect(explained.out).not.toContain('sk_sandbox_demo');
    }),
  );

  test(
    'compare with the files where no gateway runs, and say so',
    inTheatre(async (theatre) => {
      const proposed = join(theatre.folder, 'other.yaml');
      writeFileSync(proposed, readFileSync(theatre.config, 'utf8').replace('max_attempts: 3', 'max_attempts: 4'));
      const nobody = { ADMIN_PORT: '9' };
      const diff = await ending(theatre.run(['config', 'diff', proposed], nobody));
      expect(diff).toMatchObject({ code: 2, err: '' });
      expect(diff.out).toMatch(/compared with the files of .*no gateway answers/);
      expect(diff.out).toContain('\nrouting.failover.max_attempts: 3 -> 4\n');
      expect(await ending(theatre.run(['config', 'reload'], nobody))).toMatchObject({ code: 1, out: '' });
      expect(await ending(theatre.run(['config', 'diff', '/nowhere.yaml'], nobody))).toMatchObject({
        code: 1,
        out: '',
      });
    }),
  );
});
