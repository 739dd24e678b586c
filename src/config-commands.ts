import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import {
  type ConfigForm,
  describeChange,
  describeFaults,
  diffForms,
  type Environment,
  explainForm,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
  openValueSealer,
  readEnvironment,
  redacted,
  secretMarks,
} from './config/index.ts';
import { err, ok, type Result } from './payment/index.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface DiffOptions {
  readonly json?: boolean;
}

/** What a proposed configuration would change. */
export interface ConfigDiff {
  readonly story: Result<string, string>;
  readonly differs: boolean;
}

const formSchema = z.custom<ConfigForm>(
  (value) => typeof value === 'object' && value !== null && 'gateway' in value && 'merchants' in value,
);
const shownSchema = z.object({ loaded_at: z.string(), salt: z.string(), config: formSchema });
const changesSchema = z.object({
  outcome: z.enum(['accepted', 'unchanged']),
  changes: z.array(z.object({ text: z.string() })),
  replicas_told: z.int().nullable(),
});

/** Compares a proposed configuration with the one in force, or with the files of CONFIG when no gateway answers. */
export async function diffConfig(env: Env, file: string | undefined, { json }: DiffOptions): Promise<ConfigDiff> {
  const environment = readEnvironment(env);
  if (!environment.ok) return failed(describeFaults(environment.error));
  const proposed = await load(env, environment.value, file);
  if (!proposed.ok) return failed(proposed.error);
  const base = await inForce(env, environment.value);
  if (!base.ok) return failed(base.error);
  const { form, salt, whence } = base.value;
  const changes = diffForms(form, redacted(proposed.value.form, secretMarks(salt))).map(describeChange);
  const what = file ?? environment.value.configPath;
  const differs = changes.length > 0;
  if (json) {
    return { story: ok(JSON.stringify({ proposed: what, compared_with: whence, changes }, null, 2)), differs };
  }
  const lines = differs ? changes.map(({ text }) => text) : ['no change'];
  return { story: ok([`${what}, compared with ${whence}:`, ...lines].join('\n')), differs };
}

/** Has the running gateway read its files now. */
export async function reloadConfig(env: Env): Promise<Result<string, string>> {
  const answer = await askAdmin(env, { method: 'POST', path: '/admin/config/reload', body: {}, answer: changesSchema });
  if (!answer.ok) return answer;
  const { outcome, changes, replicas_told: told } = answer.value;
  const here = outcome === 'unchanged' ? ['unchanged'] : ['taken:', ...changes.map(({ text }) => text)];
  const others = told === null ? [] : [`other replicas that read their files now: ${told}`];
  return ok([...here, ...others].join('\n'));
}

/** The configuration in force, or the files of CONFIG when no gateway answers, with the meaning of every key. */
export async function explainConfig(env: Env): Promise<Result<string, string>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const base = await inForce(env, environment.value);
  return base.ok ? ok(`# ${base.value.whence}\n${explainForm(base.value.form)}`) : base;
}

/** A secret as it may stand at this place of a file (`channels.alipay-main.credentials.private_key`), and only there. */
export function sealValue(env: Env, place: string, secret: string): Result<string, string> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const { masterKey, dataDir, production } = environment.value;
  const path = place.split('.').filter((part) => !/^\d+$/.test(part));
  if (path.length < 2 || path.includes('')) return err('name the place with dots: merchants.m_shop.webhook.secret');
  const plain = secret.replace(/(\r?\n)+$/, '');
  if (plain === '') return err('give the secret on the standard input');
  const sealer = openValueSealer({ masterKey, dataDir, sandbox: !production, randomBytes });
  return sealer.ok ? ok(sealer.value.seal(plain, path)) : err(describeFaults([sealer.error]));
}

interface Base {
  readonly form: ConfigForm;
  readonly salt: string;
  /** Where it is from, for a reader. */
  readonly whence: string;
}

async function inForce(env: Env, environment: Environment): Promise<Result<Base, string>> {
  const shown = await askAdmin(env, { method: 'GET', path: '/admin/config', answer: shownSchema });
  if (shown.ok) {
    const { config: form, salt, loaded_at } = shown.value;
    return ok({ form, salt, whence: `the configuration in force since ${loaded_at}` });
  }
  const files = await load(env, environment, undefined);
  if (!files.ok) return files;
  const salt = 'no gateway';
  const whence = `the files of ${environment.configPath} (${shown.error})`;
  return ok({ form: redacted(files.value.form, secretMarks(salt)), salt, whence });
}

/** The files of CONFIG, or a proposed one in their place: what it refers to is found as if it lay there. */
async function load(
  env: Env,
  environment: Environment,
  file: string | undefined,
): Promise<Result<LoadedConfig, string>> {
  const { PROVIDERS } = await import('../channels/index.ts');
  const { configPath: path, production } = environment;
  const proposed = file === undefined ? ok({}) : proposedFiles(file);
  if (!proposed.ok) return proposed;
  const loaded = loadConfig({ path, env, providers: PROVIDERS, production, proposed: proposed.value });
  return loaded.ok ? loaded : err(describeFaults(loaded.error));
}

function proposedFiles(file: string): Result<NonNullable<LoadOptions['proposed']>, string> {
  const beside = join(dirname(file), 'merchants.yaml');
  try {
    return ok({
      gateway: { name: file, text: readFileSync(file, 'utf8') },
      ...(existsSync(beside) ? { merchants: { name: beside, text: readFileSync(beside, 'utf8') } } : {}),
    });
  } catch {
    return err(`${file}: it cannot be read; is there such a file?`);
  }
}

function failed(message: string): ConfigDiff {
  return { story: err(message), differs: false };
}
