import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inTheatre, isListening, type Program, type Theatre } from '../e2e/program.ts';
import { call, eventually } from '../e2e/stage.ts';
import { aFreePort } from '../services/free-port.ts';

const SLOW_MS = 60_000;
const CLI = join(import.meta.dirname, '../../src/cli.ts');

/** Runs the program with its output put where the shell says. */
function into(theatre: Theatre, args: string, where: string, env: Readonly<Record<string, string>> = {}): Program {
  return theatre.command('sh', ['-c', `"$0" "$1" ${args} ${where}`, process.execPath, CLI], env);
}

describe.concurrent('an output that cannot be written', { timeout: SLOW_MS }, () => {
  test.each(['config explain', 'config check', 'merchants list --json', '--help'])(
    'for lack of room has `%s` say so in one line and fail',
    (args) =>
      inTheatre(async (theatre) => {
        const program = into(theatre, args, '> /dev/full');
        expect(await program.ended).toEqual({ code: 1, signal: null });
        expect(program.stderr()).toMatch(/^The output could not be written: ENOSPC.*\n$/);
      })(),
  );

  test(
    'since its reader has left ends the command without a word',
    inTheatre(async (theatre) => {
      // `yes` ends when nobody reads any more, so the command finds it so.
      const line = '{ yes 2>/dev/null; "$0" "$1" config explain; echo "ended with $?" >&2; } | true';
      const program = theatre.command('sh', ['-c', line, process.execPath, CLI]);
      await program.ended;
      expect(program.stderr()).toBe('ended with 141\n');
    }),
  );

  test(
    'keeps no gateway from taking payments',
    inTheatre(async (theatre) => {
      const [PORT, ADMIN_PORT] = [String(await aFreePort()), String(await aFreePort())];
      const gateway = theatre.command('sh', ['-c', 'exec "$0" "$1" start > /dev/full', process.execPath, CLI], {
        ...{ PORT, ADMIN_PORT, LOG_LEVEL: 'info' },
      });
      const url = `http://127.0.0.1:${PORT}`;
      await eventually(async () => (await isListening(`${url}/openapi.json`)) || undefined, SLOW_MS);
      const order = { merchant_order_no: 'A1', amount: 1000, currency: 'CNY', subject: 'Game key' };
      for (let i = 0; i < 2; i += 1) {
        const { status } = await call('POST', `${url}/v1/payments`, order, { authorization: 'Bearer sk_sandbox_demo' });
        expect(status).toBe(i === 0 ? 201 : 200);
      }
      gateway.kill('SIGTERM');
      expect(await gateway.ended).toEqual({ code: 0, signal: null });
      expect(gateway.stderr()).toBe(
        'The log cannot be written: ENOSPC: no space left on device, write. The gateway goes on without it.\n',
      );
    }),
  );
});
