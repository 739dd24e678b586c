import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { askAdmin } from './admin-client.ts';
import {
  type ConfigForm,
  describeFaults,
  diffForms,
  type Environment,
  type LoadedConfig,
  loadConfig,
  openValueSealer,
  readEnvironment,
  redacted,
  replaceFile,
  secretMarks,
  type ValueSealer,
} from './config/index.ts';
import { err, ok, type Result } from './payment/index.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** `merchants.yaml` as it is now, without a fault. */
export interface MerchantFile {
  readonly environment: Environment;
  readonly path: string;
  readonly text: string;
  readonly config: LoadedConfig;
  /** What seals secrets for this configuration; made when it is asked for. */
  sealer(): Result<ValueSealer, string>;
}

/** What became of a change in the gateway that runs. */
export interface Taken {
  readonly state: 'taken' | 'refused' | 'other_files' | 'no_answer';
  /** For a person. */
  readonly text: string;
}

/** A file that others change all the time is given up on after so many tries. */
const TRIES_MAX = 20;

export async function openMerchantFile(env: Env): Promise<Result<MerchantFile, string>> {
  const environment = readEnvironment(env);
  if (!environment.ok) return err(describeFaults(environment.error));
  const path = join(dirname(environment.value.configPath), 'merchants.yaml');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return err(`${path}: it cannot be read; is there such a file? CONFIG names the gateway.yaml beside it`);
  }
  const config = await load(env, environment.value, { name: path, text });
  if (!config.ok) return config;
  const sealer = (): Result<ValueSealer, string> => {
    const { masterKey, dataDir } = environment.value;
    const sandbox = config.value.channels.some(({ mode }) => mode === 'sandbox');
    const opened = openValueSealer({ masterKey, dataDir, sandbox, randomBytes });
    return opened.ok ? opened : err(describeFaults([opened.error]));
  };
  return ok({ environment: environment.value, path, text, config: config.value, sealer });
}

/**
 * Changes the file: whole and only if the result has no fault. Somebody else's change in the meantime is kept, and this one made on
 * top of it. Then has the running gateway take it.
 */
export async function changeMerchantFile(
  env: Env,
  merchantId: string,
  edit: (file: MerchantFile) => Result<string, string>,
): Promise<Result<{ readonly file: MerchantFile; readonly after: LoadedConfig; readonly taken: Taken }, string>> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const file = await openMerchantFile(env);
    if (!file.ok) return file;
    const { path, text, environment } = file.value;
    const edited = edit(file.value);
    if (!edited.ok) return edited;
    const checked = await load(env, environment, { name: path, text: edited.value });
    if (!checked.ok) return err(`refused, nothing is changed; with the change it would be wrong:\n${checked.error}`);
    const replaced = await replaceFile(path, { expected: text, text: edited.value });
    if (!replaced.ok) return replaced;
    if (replaced.value === 'changed') continue;
    const taken = await haveTaken(env, checked.value.form, merchantId);
    return ok({ file: file.value, after: checked.value, taken });
  }
  return err('merchants.yaml keeps changing; nothing of this was written, try again');
}

async function load(env: Env, environment: Environment, merchants: { name: string; text: string }) {
  const { PROVIDERS } = await import('../channels/index.ts');
  const { configPath: path, production } = environment;
  const loaded = loadConfig({ path, env, providers: PROVIDERS, production, proposed: { merchants } });
  return loaded.ok ? loaded : err(describeFaults(loaded.error));
}

const shownSchema = z.object({
  salt: z.string(),
  config: z.custom<ConfigForm>((value) => typeof value === 'object' && value !== null && 'merchants' in value),
});

/** A gateway that runs would take the file by itself within two seconds; asked, it does at once and says whether. */
async function haveTaken(env: Env, form: ConfigForm, merchantId: string): Promise<Taken> {
  const question = { method: 'GET', path: '/admin/config', answer: shownSchema } as const;
  const before = await askAdmin(env, question);
  if (!before.ok) {
    const text = `Whether a gateway has taken it is not known (${before.error}). One that runs takes it by itself within two seconds.`;
    return { state: 'no_answer', text };
  }
  const reload = { method: 'POST', path: '/admin/config/reload', body: {}, answer: z.object({}) } as const;
  const reloaded = await askAdmin(env, reload);
  if (!reloaded.ok) return { state: 'refused', text: `The running gateway has refused it:\n${reloaded.error}` };
  const after = await askAdmin(env, question);
  if (!after.ok) return { state: 'no_answer', text: `The running gateway answers no more: ${after.error}` };
  const { salt, config } = after.value;
  const only = ({ merchants }: ConfigForm): ConfigForm => {
    const entry = Object.hasOwn(merchants, merchantId) ? merchants[merchantId] : undefined;
    return { gateway: {}, merchants: entry === undefined ? {} : { [merchantId]: entry } };
  };
  const isSame = diffForms(only(config), only(redacted(form, secretMarks(salt)))).length === 0;
  if (isSame) return { state: 'taken', text: 'The running gateway has taken it.' };
  const text = 'The gateway that answers on the admin port reads other files; is CONFIG here the same as there?';
  return { state: 'other_files', text };
}
