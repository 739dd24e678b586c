import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureDecisions } from './speed.ts';

/**
 * The router beside the yardsticks of the routing simulator, then what one choice costs: see docs/routing.md.
 *
 *   npm run bench:routing [-- --scenarios p03,p11 --seeds 2 --jobs 1 --exploration 2]
 *
 * The simulator is looked for in the folder that ROUTING_BENCH names, else in ../shared/routing-bench beside the project.
 */
const { values: given } = parseArgs({
  options: {
    scenarios: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '1' },
    set: { type: 'string', default: 'public' },
    policies: { type: 'string', default: 'static+breaker,d-ucb-aligned' },
    /** `routing.exploration` in per cent. */
    exploration: { type: 'string', default: '5' },
  },
});
const root = resolve(import.meta.dirname, '..', '..');
const simulator = resolve(root, process.env.ROUTING_BENCH ?? join('..', 'shared', 'routing-bench'));
const program = join(simulator, 'src', 'run.ts');

if (existsSync(program)) {
  const share = JSON.stringify({ explorationShare: Number(given.exploration) / 100 });
  // The simulator runs only when it is started by the name that it has itself, and not through a link.
  const itself = realpathSync(program);
  const module = `switchyard=${join(root, 'bench', 'routing', 'policy.ts')}#${share}`;
  const { set, policies, seeds, jobs } = given;
  const options = ['--set', set, '--policies', policies, '--module', module, '--seeds', seeds, '--jobs', jobs];
  if (given.scenarios !== undefined) options.push('--scenarios', given.scenarios);
  const { status } = spawnSync(process.execPath, [itself, ...options], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exitCode = status ?? 1;
} else {
  console.error(
    `No simulator at ${simulator}: set ROUTING_BENCH to the folder of the routing bench (it has src/run.ts).`,
  );
  process.exitCode = 1;
}
measureDecisions();
