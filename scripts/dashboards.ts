import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { channel } from './dashboards/channel.ts';
import { dashboardJson } from './dashboards/dashboard.ts';
import { merchant } from './dashboards/merchant.ts';
import { overview } from './dashboards/overview.ts';
import { runtime } from './dashboards/runtime.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'grafana/dashboards');

/** Every dashboard by the name of its file in `grafana/dashboards`; `node scripts/dashboards.ts` writes them. */
export const DASHBOARDS: ReadonlyMap<string, unknown> = new Map(
  Object.entries({ overview, channel, merchant, runtime }).map(([name, dashboard]) => [
    `${name}.json`,
    dashboardJson(dashboard),
  ]),
);

function writeDashboards(): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, dashboard] of DASHBOARDS) {
    writeFileSync(join(FOLDER, name), JSON.stringify(dashboard, null, 2));
  }
  execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['format', '--write', FOLDER], { stdio: 'inherit' });
}

if (import.meta.main) writeDashboards();
