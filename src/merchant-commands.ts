import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type EntryChange, rawAt, withChanges, withMerchant } from './config/index.ts';
import { changeMerchantFile, type Env, type MerchantFile, type Taken } from './merchant-file.ts';
import { KEY_KINDS, type KeyKind, KINDS, keysOf, newKey, sha256Hex } from './merchant-keys.ts';
import { err, ok, type Result } from './payment/index.ts';

export interface AddOptions {
  readonly name: string;
  readonly channels?: string;
  readonly maxAmount?: string;
  readonly perMinute?: string;
  readonly webhookUrl?: string;
  readonly epay?: boolean;
  readonly pid?: string;
  readonly sign?: string;
  readonly publicKey?: string;
}

/** What a command has done, with the secrets that nobody can ask for again. */
export interface Done {
  readonly merchant: string;
  readonly file: string;
  /** By kind; only what was made just now. */
  readonly secrets: Readonly<Partial<Record<KeyKind, string>>>;
  readonly epayPid: number | null;
  readonly webhookUrl: string | null;
  readonly publicUrl: string;
  readonly taken: Taken;
}

const PID_FIRST = 1_000;
const PID_MAX = 999_999_999;
/** The old and the new one: a third would be one that somebody forgot. */
const KEYS_MAX = 2;

/** Adds a shop with new keys. */
export async function addMerchant(env: Env, id: string, options: AddOptions): Promise<Result<Done, string>> {
  const made = makeKeys(options.epay === true ? KINDS : ['secret_key', 'webhook_secret']);
  return done(env, id, made, (file) => {
    if (hasMerchant(file, id))
      return err(`${id} is in ${file.path} already; \`merchants rotate\` makes new keys for it`);
    const entry = newEntry(file, { id, options, made });
    return entry.ok ? withMerchant(file.text, id, entry.value) : entry;
  });
}

/** Makes new keys beside the old ones; both are valid until the old one is revoked. */
export async function rotateKeys(env: Env, id: string, kinds: readonly KeyKind[]): Promise<Result<Done, string>> {
  if (kinds.length === 0) return err('say what to replace: --secret-key, --webhook-secret, --epay-key');
  const made = makeKeys(kinds);
  return doneTo(env, id, made, (file) => {
    const changes: EntryChange[] = [];
    for (const kind of kinds) {
      const { at, name } = KEY_KINDS[kind];
      const keys = keysOf(file.config.form, id, kind);
      if (keys.length === 0) return err(`${id} has no ${name}`);
      if (keys.length >= KEYS_MAX) {
        const names = keys.map(({ fingerprint }) => fingerprint).join(', ');
        return err(
          `${id} has ${keys.length} of ${name} already (${names}); revoke one first: merchants revoke ${id} <it>`,
        );
      }
      const written = toWrite(file, { id, kind, key: made[kind] ?? '' });
      if (!written.ok) return written;
      changes.push({ kind: 'append', at, text: written.value });
    }
    return withChanges(file.text, id, changes);
  });
}

/** Takes one key out; it is refused from then on. */
export async function revokeKey(env: Env, id: string, fingerprint: string): Promise<Result<Done, string>> {
  return doneTo(env, id, {}, (file) => {
    const all = KINDS.flatMap((kind) => keysOf(file.config.form, id, kind));
    const [found, ...more] = all.filter((key) => key.fingerprint === fingerprint.toLowerCase());
    if (found === undefined || more.length > 0) {
      const known = all.map((key) => `${key.fingerprint} (${KEY_KINDS[key.kind].name})`).join(', ');
      return err(`${id} has no such key; it has ${known}`);
    }
    const { at, name } = KEY_KINDS[found.kind];
    if (all.filter(({ kind }) => kind === found.kind).length === 1) {
      const flag = `--${found.kind.replace('_', '-')}`;
      return err(`that is the only ${name} of ${id}; make a new one first: merchants rotate ${id} ${flag}`);
    }
    return withChanges(file.text, id, [{ kind: 'drop', at, index: found.index }]);
  });
}

/** Lets a shop call, or refuses it; its payments, refunds and events go on either way. */
export async function setEnabled(env: Env, id: string, enabled: boolean): Promise<Result<Done, string>> {
  return doneTo(env, id, {}, (file) => withChanges(file.text, id, [{ kind: 'set', at: ['enabled'], value: enabled }]));
}

type Made = Done['secrets'];

function makeKeys(kinds: readonly KeyKind[]): Made {
  return Object.fromEntries(kinds.map((kind) => [kind, newKey(kind, randomBytes)]));
}

/** The change, and what is to be said of it. */
async function done(
  env: Env,
  id: string,
  made: Made,
  edit: (file: MerchantFile) => Result<string, string>,
): Promise<Result<Done, string>> {
  const changed = await changeMerchantFile(env, id, edit);
  if (!changed.ok) return changed;
  const { file, after, taken } = changed.value;
  const { publicUrl, host, port } = file.environment;
  const pid = rawAt(after.form.merchants, id, 'epay', 'pid');
  return ok({
    merchant: id,
    file: file.path,
    secrets: made,
    epayPid: typeof pid === 'number' ? pid : null,
    webhookUrl: after.merchants.byId(id)?.webhookUrl ?? null,
    publicUrl: publicUrl ?? `http://${host}:${port}`,
    taken,
  });
}

/** Of a shop that is there. */
function doneTo(env: Env, id: string, made: Made, edit: (file: MerchantFile) => Result<string, string>) {
  return done(env, id, made, (file) => (hasMerchant(file, id) ? edit(file) : err(notThere(file, id))));
}

export function hasMerchant({ config }: MerchantFile, id: string): boolean {
  return config.merchantIds.includes(id);
}

export function notThere({ path, config }: MerchantFile, id: string): string {
  return `${path} has no merchant ${id}; it has ${config.merchantIds.join(', ')}`;
}

function newEntry(
  file: MerchantFile,
  { id, options, made }: { readonly id: string; readonly options: AddOptions; readonly made: Made },
): Result<object, string> {
  const { name, webhookUrl, maxAmount, perMinute, channels } = options;
  const limits = { ...numbered('max_amount', maxAmount), ...numbered('per_minute', perMinute) };
  const secret = toWrite(file, { id, kind: 'webhook_secret', key: made.webhook_secret ?? '' });
  if (!secret.ok) return secret;
  const epay = epayEntry(file, { id, options, made });
  if (!epay.ok) return epay;
  const texts = [name, webhookUrl ?? ''];
  if (texts.some((text) => /^(file|sealed):/.test(text))) return err('no text may begin with file: or sealed:');
  return ok({
    name: literal(name),
    secret_keys: [`sha256:${sha256Hex(made.secret_key ?? '')}`],
    webhook: { url: webhookUrl === undefined ? null : literal(webhookUrl), secret: secret.value },
    ...epay.value,
    channels: channels === undefined || channels === 'all' ? 'all' : listed(channels),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  });
}

function epayEntry(
  file: MerchantFile,
  { id, options, made }: { readonly id: string; readonly options: AddOptions; readonly made: Made },
): Result<object, string> {
  const { epay, pid, sign, publicKey } = options;
  if (epay !== true) {
    const isAsked = [pid, sign, publicKey].some((option) => option !== undefined);
    return isAsked ? err('--pid, --sign and --public-key go with --epay') : ok({});
  }
  const key = toWrite(file, { id, kind: 'epay_key', key: made.epay_key ?? '' });
  if (!key.ok) return key;
  const pem = publicKey === undefined ? ok(null) : readPublicKey(publicKey);
  if (!pem.ok) return pem;
  return ok({
    epay: {
      pid: pid === undefined ? nextPid(file) : numberOr(pid),
      key: key.value,
      sign: sign === undefined ? ['md5', 'sha256'] : listed(sign),
      ...(pem.value === null ? {} : { public_key: pem.value }),
    },
  });
}

function readPublicKey(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch {
    return err(`${path} cannot be read; --public-key names a PEM file with the shop's public key`);
  }
}

/** Above all that are there, so that a number which a shop has had does not soon belong to another. */
function nextPid({ config }: MerchantFile): number {
  const pids = config.merchantIds.map((id) => rawAt(config.form.merchants, id, 'epay', 'pid'));
  const next = Math.max(PID_FIRST, ...pids.filter((pid) => typeof pid === 'number')) + 1;
  if (next <= PID_MAX) return next;
  let free = PID_FIRST;
  while (pids.includes(free)) free += 1;
  return free;
}

/** As it stands in the file: what only has to be compared as a hash, the rest sealed for its place. */
function toWrite(
  file: MerchantFile,
  { id, kind, key }: { readonly id: string; readonly kind: KeyKind; readonly key: string },
): Result<string, string> {
  if (kind === 'secret_key') return ok(`sha256:${sha256Hex(key)}`);
  const sealer = file.sealer();
  return sealer.ok ? ok(sealer.value.seal(key, ['merchants', id, ...KEY_KINDS[kind].at])) : sealer;
}

/** A text of a person's, in which `${` means nothing. */
function literal(text: string): string {
  return text.replaceAll('${', () => '$${');
}

function listed(text: string): readonly string[] {
  return text.split(',').map((part) => part.trim());
}

function numbered(name: string, text: string | undefined): object {
  if (text === undefined) return {};
  return { [name]: numberOr(text) };
}

/** What is no number is left to the schema, which says so. */
function numberOr(text: string): number | string {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}
