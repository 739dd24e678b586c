import type { Command } from 'commander';
import { type AddOptions, addMerchant, type Done, revokeKey, rotateKeys, setEnabled } from './merchant-commands.ts';
import type { Env } from './merchant-file.ts';
import { fingerprintOf, KEY_KINDS, type KeyKind, KINDS } from './merchant-keys.ts';
import { listMerchants, showMerchant } from './merchant-listing.ts';
import type { Result } from './payment/index.ts';
import { table } from './table.ts';

interface Json {
  readonly json?: boolean;
}

interface MerchantsPorts {
  readonly env: Env;
  readonly told: (story: Result<string, string>) => void;
  /** The file is changed, but the running gateway has refused it. */
  readonly failed: () => void;
}

/** `switchyard merchants`: the shops that may call, and their keys. */
export function addMerchantsCommand(program: Command, { env, told, failed }: MerchantsPorts): void {
  const merchants = program.command('merchants').description('the shops that may call, and their keys');
  const json = ['--json', 'as JSON'] as const;
  const report = (done: Result<Done, string>, what: string, options: Json): void => {
    told(done.ok ? { ok: true, value: options.json ? inJson(done.value) : inText(done.value, what) } : done);
    if (done.ok && done.value.taken.state === 'refused') failed();
  };

  const list = merchants
    .command('list')
    .description('all shops of merchants.yaml')
    .option(...json);
  list.action(async (options: Json) => told(await listMerchants(env, options)));
  const show = merchants.command('show').argument('<id>').description('one shop, and the names of its keys');
  show.option(...json).action(async (id: string, options: Json) => told(await showMerchant(env, id, options)));
  merchants
    .command('add')
    .argument('<id>', '1 to 40 of a-z, 0-9, _ and -; it never changes')
    .description('a new shop with new keys, which are shown once')
    .requiredOption('--name <name>', 'shown to operators and buyers')
    .option('--channels <ids>', 'the only channels that it may use, with commas; default: all')
    .option('--max-amount <minor>', 'largest payment, in minor units')
    .option('--per-minute <n>', 'API calls a minute')
    .option('--webhook-url <url>', 'where events go when a payment names no notify_url')
    .option('--epay', 'it speaks the epay protocol: give it a pid and a key')
    .option('--pid <n>', 'with --epay: its number; default: the next free one')
    .option(
      '--sign <kinds>',
      'with --epay: md5, sha256, rsa, with commas (default: md5,sha256: most plug-ins know md5 alone)',
    )
    .option('--public-key <file>', "with --epay and --sign rsa: the shop's public key (PEM)")
    .option(...json)
    .action(async (id: string, options: AddOptions & Json) =>
      report(await addMerchant(env, id, options), `${id} is added`, options),
    );
  merchants
    .command('rotate')
    .argument('<id>')
    .description('a new key beside the old one; both are valid until the old one is revoked')
    .option('--secret-key', 'what it sends as its Authorization')
    .option('--webhook-secret', 'what signs its events')
    .option('--epay-key', 'its key in the epay protocol')
    .option(...json)
    .action(async (id: string, options: RotateOptions & Json) =>
      report(await rotateKeys(env, id, kindsIn(options)), `${id} has new keys beside the old ones`, options),
    );
  merchants
    .command('revoke')
    .argument('<id>')
    .argument('<key>', 'its name, as `merchants show` has it')
    .description('take an old key out; never the last of its kind')
    .option(...json)
    .action(async (id: string, key: string, options: Json) =>
      report(await revokeKey(env, id, key), `the key ${key} of ${id} is revoked`, options),
    );
  for (const [name, enabled, description] of [
    ['disable', false, 'refuse its calls; what is open goes on, events too'],
    ['enable', true, 'let it call again'],
  ] as const) {
    const command = merchants
      .command(name)
      .argument('<id>')
      .description(description)
      .option(...json);
    command.action(async (id: string, options: Json) =>
      report(await setEnabled(env, id, enabled), `${id} is ${name}d`, options),
    );
  }
}

interface RotateOptions {
  readonly secretKey?: boolean;
  readonly webhookSecret?: boolean;
  readonly epayKey?: boolean;
}

function kindsIn({ secretKey, webhookSecret, epayKey }: RotateOptions): readonly KeyKind[] {
  const wanted = { secret_key: secretKey, webhook_secret: webhookSecret, epay_key: epayKey };
  return KINDS.filter((kind) => wanted[kind]);
}

function inJson({ merchant, file, secrets, epayPid, publicUrl, taken }: Done): string {
  const keys = Object.fromEntries(Object.entries(secrets).map(([kind, key]) => [kind, fingerprintOf(key)]));
  const gateway = { state: taken.state, detail: taken.text };
  return JSON.stringify({ merchant, file, secrets, keys, epay_pid: epayPid, api: publicUrl, gateway }, null, 2);
}

function inText(done: Done, what: string): string {
  const made = KINDS.filter((kind) => done.secrets[kind] !== undefined);
  const head = `${what} (${done.file}).`;
  if (made.length === 0) return `${head}\n${done.taken.text}`;
  const rows = made.flatMap((kind) => {
    const key = done.secrets[kind] ?? '';
    const pid = kind === 'epay_key' ? [['  epay pid', String(done.epayPid), '']] : [];
    return [...pid, [`  ${KEY_KINDS[kind].name}`, key, `(${fingerprintOf(key)})`]];
  });
  return [
    `${head} These secrets are shown once; give them to the shop now:\n`,
    `${table([...rows])}\n`,
    'What the shop enters:\n',
    ...made.map((kind) => `  ${USE[kind](done)}`),
    `\n${done.taken.text}`,
  ].join('\n');
}

/** Where each secret belongs, in the words of the one who enters it. */
const USE: Readonly<Record<KeyKind, (done: Done) => string>> = {
  secret_key: ({ publicUrl }) => `API      ${publicUrl}/v1, header Authorization: Bearer <secret key>`,
  webhook_secret: ({ webhookUrl }) =>
    `events   come to ${webhookUrl ?? 'the notify_url of each payment'}; verify them with the webhook secret (Standard Webhooks)`,
  epay_key: ({ publicUrl }) => `epay     address ${publicUrl}/, merchant number (pid) and key as above`,
};
