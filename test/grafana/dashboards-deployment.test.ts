import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { startCommand } from '../../bench/start-command.ts';
import { ROOT } from './dashboards-files.ts';

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = z
  .object({
    devDependencies: z.object({ node: z.string() }),
    version: z.string(),
  })
  .parse(JSON.parse(text('package.json')));
const dockerfile = text('Dockerfile');

const serviceSchema = z.looseObject({
  image: z.string(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  volumes: z.array(z.string()),
  networks: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
});
const compose = z
  .looseObject({
    services: z.record(z.string(), serviceSchema),
    networks: z.record(z.string(), z.object({ internal: z.boolean().default(false) })),
    volumes: z.record(z.string(), z.unknown()),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
  })
  .parse(parse(text('docker-compose.yml'), { merge: true }));
const targetsSchema = z.array(
  z.looseObject({ static_configs: z.array(z.strictObject({ targets: z.array(z.string()) })) }),
);
const prometheusSchema = z.looseObject({
  global: z.looseObject({ external_labels: z.record(z.string(), z.string()) }),
  scrape_configs: targetsSchema,
  alerting: z.strictObject({ alert_relabel_configs: z.unknown(), alertmanagers: targetsSchema }),
});
const services = Object.entries(compose.services).map(([name, service]) => ({ name, ...service }));

describe('the image', () => {
  test('runs what `npm start` runs, on the Node that package.json names', () => {
    const [, command = '[]'] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const { env, nodeFlags, script } = startCommand(ROOT);
    expect(JSON.parse(command)).toEqual(['node', ...nodeFlags, ...script]);
    // Where modules are kept compiled belongs to root there.
    const { NODE_COMPILE_CACHE, ...others } = env;
    expect(Object.entries(others).filter(([name, value]) => !dockerfile.includes(` ${name}=${value} `))).toEqual([]);
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases)).toEqual(new Set([`node:${manifest.devDependencies.node}-bookworm-slim`]));
  });

  test('copies nothing that its build does not get to see', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )?(.+) \S+$/gm)].flatMap(([, from = '']) =>
      from.split(' '),
    );
    const seen = text('.dockerignore').split('\n');
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !seen.includes(`!${path}`) || !existsSync(join(ROOT, path)))).toEqual([]);
    expect(seen).toEqual(expect.arrayContaining(['*', 'config/secrets', '**/*.pem', '**/.env']));
  });

  test('has no root user, and the name of the version', () => {
    expect(dockerfile).toMatch(/^USER [1-9]\d*$/m);
    expect(compose.services.gateway?.image).toBe(`switchyard:${manifest.version}`);
  });
});

describe.each(services)('the service $name', (service) => {
  test('has a pinned image, a root file system that cannot be written, and no capabilities', () => {
    expect(service.image).toMatch(/^[\w-]+(\/[\w-]+)?:v?\d+\.\d+\.\d+$/);
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  });

  test('mounts what there is, read-only, and volumes that are declared', () => {
    for (const [source = '', , mode] of service.volumes.map((volume) => volume.split(':'))) {
      if (!source.startsWith('.')) expect(compose.volumes).toHaveProperty(source);
      else expect([existsSync(join(ROOT, source)), mode]).toEqual([true, 'ro']);
    }
  });

  test('opens its ports on this machine alone', () => {
    expect(service.ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});

test('nobody but Prometheus, Alertmanager and the stores shares a network with the gateway, and its admin port is published with a token alone', () => {
  const { gateway } = compose.services;
  const beside = services.filter(
    ({ name, networks }) => name !== 'gateway' && networks.some((network) => gateway?.networks.includes(network)),
  );
  expect(beside.map(({ name }) => name).toSorted()).toEqual(['alertmanager', 'mongo', 'prometheus', 'redis']);
  expect([compose.networks.admin?.internal, compose.networks.data?.internal]).toEqual([true, true]);
  expect(gateway?.ports).toEqual(['127.0.0.1:8080:8080', '127.0.0.1:8081:8081']);
  expect(gateway).toMatchObject({ environment: { ADMIN_TOKEN_FILE: '/run/secrets/admin_token' } });
  expect(gateway?.secrets).toContain('admin_token');
});

test('secrets are files that git does not take', () => {
  const used = new Set(services.flatMap(({ secrets }) => secrets));
  expect([...used].toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
  for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^\.\/deploy\/secrets\/\w+$/);
  expect(text('deploy/.gitignore')).toContain('secrets/');
});

test('Prometheus differs from the one without containers in addresses and the token alone', () => {
  const withoutAddresses = (path: string): unknown => {
    const { global, alerting, scrape_configs, ...more } = prometheusSchema.parse(parse(text(path)));
    const { runbooks: _, ...labels } = global.external_labels;
    const sizes = [scrape_configs, alerting.alertmanagers].map((all) =>
      all.map(({ static_configs, authorization: _token, ...rest }) => ({
        ...rest,
        targets: static_configs.map(({ targets }) => targets.length),
      })),
    );
    return { ...more, global: { ...global, external_labels: labels }, relabel: alerting.alert_relabel_configs, sizes };
  };
  expect(withoutAddresses('deploy/prometheus.yml')).toEqual(withoutAddresses('grafana/prometheus/prometheus.yml'));
});

test('who asks the admin listener has the token, as a file that only its container sees', () => {
  const { scrape_configs } = prometheusSchema.parse(parse(text('deploy/prometheus.yml')));
  const credentials_file = '/run/secrets/admin_token';
  expect(scrape_configs).toMatchObject([{ authorization: { credentials_file } }]);
  expect(compose.services['alertmanager-config']).toMatchObject({
    environment: { ALERT_RELAY_TOKEN_FILE: credentials_file },
  });
  for (const name of ['gateway', 'prometheus', 'alertmanager']) {
    expect(compose.services[name]?.secrets).toContain('admin_token');
  }
});
