import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { aFreePort } from '../services/free-port.ts';
import { inTheatre, type Program, type Theatre } from './program.ts';
import { eventually } from './stage.ts';

const CLI = join(import.meta.dirname, '../../src/cli.ts');
/** Tells of every module of OpenTelemetry that a process loads, by whichever way; the API alone comes with prom-client. */
const WATCH = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ load(url, context, next) {
    if (/\\/@opentelemetry\\/(?!api\\/)/.test(url)) process.stderr.write('loads ' + url + '\\n');
    return next(url, context);
  } });`)}`;

async function startWatched(theatre: Theatre, env: Readonly<Record<string, string>>): Promise<Program> {
  const program = theatre.command(process.execPath, ['--import', WATCH, CLI, 'start'], env);
  await program.says(/merchant API and cashier/);
  return program;
}

async function stopped(program: Program): Promise<number | null> {
  program.kill('SIGTERM');
  return (await program.ended).code;
}

const anOrder = (no: string) => ({
  ...{ merchant_order_no: no, amount: 1000, currency: 'CNY', methods: ['alipay'], scene: 'qr', subject: 'Key' },
});

describe('a gateway', () => {
  test(
    'without a collector loads no SDK and no exporter of OpenTelemetry',
    inTheatre(async (theatre) => {
      const program = await startWatched(theatre, {});
      expect(await stopped(program)).toBe(0);
      expect(program.output()).not.toContain('@opentelemetry');
    }),
  );

  test(
    'with one does: the test before this one can fail',
    inTheatre(async (theatre) => {
      const program = await startWatched(theatre, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
      expect(await stopped(program)).toBe(0);
      expect(program.output()).toContain('/@opentelemetry/sdk-trace/');
    }),
  );

  test(
    'whose collector is dead takes payments as ever, says so once, and ends when it is told to',
    inTheatre(async (theatre) => {
      const OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${await aFreePort()}`;
      const { program, api, adminUrl } = await theatre.start({ OTEL_EXPORTER_OTLP_ENDPOINT });
      const failed = async (): Promise<number> => {
        const text = await (await fetch(`${adminUrl}/metrics`)).text();
        return Number(/^switchyard_trace_spans_total\{outcome="failed"\} (\d+)$/m.exec(text)?.[1] ?? 0);
      };
      for (const round of [1, 2]) {
        const before = await failed();
        const orders = Array.from({ length: 20 }, (_, no) => anOrder(`R${round}-${no}`));
        const answers = await Promise.all(orders.map((order) => api('POST', '/v1/payments', order)));
        expect(answers.map(({ status }) => status)).toEqual(orders.map(() => 201));
        await eventually(async () => (await failed()) > before, 20_000);
      }
      expect(program.output().match(/the trace collector takes no spans/g)).toHaveLength(1);
      expect(await stopped(program)).toBe(0);
    }),
    60_000,
  );
});
