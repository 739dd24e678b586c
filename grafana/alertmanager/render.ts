import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

type Env = Readonly<Record<string, string | undefined>>;

const entrySchema = z.record(z.string(), z.unknown());
const receiverSchema = z.record(z.string(), z.array(entrySchema));
const moreSchema = z.strictObject({
  relay: z.string(),
  relay_token_file: z.string(),
  page: receiverSchema,
  ticket: receiverSchema,
});
const baseSchema = z.looseObject({
  receivers: z.array(z.looseObject({ name: z.enum(['page', 'ticket']), webhook_configs: z.array(entrySchema) })),
  templates: z.array(z.string()),
});

const REFERENCE = /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g;

/** A configuration for Alertmanager. It may hold secrets: keep it where only Alertmanager reads it. */
export interface Rendered {
  readonly yaml: string;
  /** What to know before using it. */
  readonly warnings: readonly string[];
}

/**
 * `alertmanager.yml` with those receivers of `receivers.yml` whose variables are set.
 * @param env  NAME, or NAME_FILE with the path of a file that holds the value; throws when that cannot be read
 */
export function renderAlertmanager(env: Env): Rendered {
  const base = baseSchema.parse(load('alertmanager.yml'));
  const more = moreSchema.parse(load('receivers.yml'));
  const relay = filled(more.relay, env);
  const tokenFile = filled(more.relay_token_file, env);
  const ownRelay = {
    ...(relay === undefined ? {} : { url: relay }),
    ...(tokenFile === undefined ? {} : { http_config: { authorization: { credentials_file: tokenFile } } }),
  };
  const receivers = base.receivers.map((receiver) => {
    const relayed = receiver.webhook_configs.map((entry) => ({ ...entry, ...ownRelay }));
    const added = Object.entries(more[receiver.name]).map(([kind, entries]) => {
      const set = entries.flatMap((entry) => filledEntry(entry, env) ?? []);
      return [kind, kind === 'webhook_configs' ? [...relayed, ...set] : set] as const;
    });
    return { ...receiver, ...Object.fromEntries(added.filter(([, entries]) => entries.length > 0)) };
  });
  const templates = base.templates.map((path) => join(import.meta.dirname, path));
  const page = receivers.find(({ name }) => name === 'page');
  const alone = Object.keys(page ?? {}).length === 2 && page?.webhook_configs.length === 1;
  return {
    yaml: stringify({ ...base, receivers, templates }, { aliasDuplicateObjects: false }),
    warnings: alone ? ["pages go through the gateway's relay alone: nobody hears of a gateway that is down"] : [],
  };
}

function load(name: string): unknown {
  return parse(readFileSync(join(import.meta.dirname, name), 'utf8'));
}

/** Undefined when one of its variables has neither a value nor a default. */
function filledEntry(entry: z.output<typeof entrySchema>, env: Env): z.output<typeof entrySchema> | undefined {
  const values = Object.entries(entry).map(
    ([key, value]) => [key, typeof value === 'string' ? filled(value, env) : value] as const,
  );
  return values.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(values);
}

function filled(text: string, env: Env): string | undefined {
  const values = [...text.matchAll(REFERENCE)].map(([, name = '', other]) => variable(name, env) ?? other);
  if (values.includes(undefined)) return undefined;
  let at = 0;
  return text.replaceAll(REFERENCE, () => values[at++] ?? '');
}

function variable(name: string, env: Env): string | undefined {
  const file = env[`${name}_FILE`];
  if (file !== undefined && file !== '') return readFileSync(file, 'utf8').trim();
  // Compose files set to nothing what their user has not set.
  return env[name] === '' ? undefined : env[name];
}

if (import.meta.main) {
  const { yaml, warnings } = renderAlertmanager(process.env);
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  process.stdout.write(yaml);
}
