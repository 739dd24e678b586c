import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { renderAlertmanager } from '../../grafana/alertmanager/render.ts';
import { eventually } from '../e2e/stage.ts';
import { aFreePort } from '../services/free-port.ts';
import { goEnvironment } from '../services/go.ts';
import { GRAFANA } from './rule-files.ts';

/** A server of the monitoring, on a free port of 127.0.0.1. */
export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /((?:\[|offset |for: |interval: |_wait: |timeout: ))(\d+)(ms|s|m|h|d)\b/g;
const READY_WITHIN_MS = 30_000;

/** The same rules or configuration with all times shorter by one factor: ranges, offsets, `for`, intervals, ages of processes. */
export function hastened(yaml: string, factor: number): string {
  return yaml
    .replaceAll(DURATION, (_, before: string, count: string, unit: keyof typeof MS_PER_UNIT) => {
      return `${before}${Math.ceil((Number(count) * MS_PER_UNIT[unit]) / factor)}ms`;
    })
    .replaceAll(/(time\(\) - )(\d+)/g, (_, before: string, seconds: string) => `${before}${Number(seconds) / factor}`);
}

/** Alertmanager with the project's configuration, its relay being `receiver`; `webhook` is told as well. */
export async function startAlertmanager(
  program: string,
  receiver: string,
  factor = 1,
  webhook?: string,
): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-alertmanager-'));
  const config = join(folder, 'alertmanager.yml');
  writeFileSync(
    config,
    hastened(renderAlertmanager({ ALERT_RELAY_URL: receiver, ALERT_WEBHOOK_URL: webhook }).yaml, factor),
  );
  return serve(program, folder, (address) => [
    `--config.file=${config}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ]);
}

/** Prometheus with the project's configuration and rules; it watches `target` (host:port) in place of the usual one. */
export async function startPrometheus(
  program: string,
  watched: {
    readonly target: string;
    readonly alertmanager?: string;
    readonly factor?: number;
    /** Those that Prometheus has to be asked for. */
    readonly features?: readonly string[];
  },
): Promise<Server> {
  const { target, alertmanager = '127.0.0.1:9', factor = 1, features = [] } = watched;
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-prometheus-'));
  const shipped = join(GRAFANA, 'prometheus');
  cpSync(shipped, folder, { recursive: true });
  for (const name of readdirSync(join(folder, 'rules'))) {
    const path = join(folder, 'rules', name);
    writeFileSync(path, hastened(readFileSync(path, 'utf8'), factor));
  }
  const config = readFileSync(join(shipped, 'prometheus.yml'), 'utf8')
    .replace('127.0.0.1:8081', target)
    .replace('127.0.0.1:9093', alertmanager)
    // A busy machine may take its whole time for a scrape.
    .replace('scrape_timeout: 10s', 'scrape_timeout: 15s');
  writeFileSync(join(folder, 'prometheus.yml'), hastened(config, factor));
  mkdirSync(join(folder, 'data'));
  return serve(program, folder, (address) => [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    `--query.lookback-delta=${300_000 / factor}ms`,
    `--rules.alert.resend-delay=${60_000 / factor}ms`,
    ...features.map((feature) => `--enable-feature=${feature}`),
  ]);
}

async function serve(program: string, folder: string, args: (address: string) => readonly string[]): Promise<Server> {
  const address = `127.0.0.1:${await aFreePort()}`;
  const child = spawn(program, args(address), {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: goEnvironment(),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4_000);
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  try {
    await eventually(() => {
      if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
      return fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    }, READY_WITHIN_MS);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { url, stop };
}

const answerSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.object({
      result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
    }),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);

/** What an instant query answers; throws Prometheus' own words when it is not one. */
export async function ask(prometheus: Server, expr: string) {
  const body = new URLSearchParams({ query: expr });
  const answer = await fetch(`${prometheus.url}/api/v1/query`, { method: 'POST', body });
  const parsed = answerSchema.parse(await answer.json());
  if (parsed.status === 'error') throw new Error(`${parsed.error}: ${expr}`);
  return parsed.data.result;
}
