import { createHmac } from 'node:crypto';
import type { z } from 'zod';
import { channelSchema, gatewayFileSchema } from './gateway-schema.ts';
import { merchantSchema } from './merchant-schema.ts';
import { rawAt, rawEntries } from './raw.ts';
import type { Source } from './source.ts';

/** Plain data as it could stand in a file. */
export type FormValue = string | number | boolean | null | readonly FormValue[] | FormMap;
export interface FormMap {
  readonly [key: string]: FormValue;
}

/**
 * Both files as one piece of plain data: as they are written (`3s`, `0.6%`), references resolved, defaults filled in. Holds secrets;
 * only what `redacted` makes of it may leave the process.
 */
export interface ConfigForm extends FormMap {
  readonly gateway: FormMap;
  readonly merchants: FormMap;
}

/** The form of two files that have no fault. */
export function normalForm(
  sources: { readonly gateway: Source; readonly merchants: Source },
  effective: { readonly providerIds: readonly string[]; readonly allSandbox: boolean; readonly allowHttp: boolean },
): ConfigForm {
  const { allow_http: _, ...gateway } = mapOf(filled(gatewayFileSchema, sources.gateway.value));
  const entrySchema = channelSchema(effective.providerIds);
  const channels = rawEntries(rawAt(sources.gateway.value, 'channels')).map(([id, raw]) => {
    const { credentials, ...entry } = mapOf(filled(entrySchema, raw));
    const isRead = entry.mode === 'live' && credentials !== undefined;
    return [id, isRead ? { ...entry, credentials } : entry] as const;
  });
  const webhooks = mapOf(gateway.webhooks);
  const merchants = rawEntries(rawAt(sources.merchants.value, 'merchants'));
  return {
    gateway: {
      ...gateway,
      allow_http: effective.allowHttp,
      webhooks: { ...webhooks, allow_private_addresses: webhooks.allow_private_addresses ?? effective.allSandbox },
      channels: Object.fromEntries(channels),
    },
    merchants: Object.fromEntries(merchants.map(([id, raw]) => [id, mapOf(filled(merchantSchema, raw))])),
  };
}

/** Marks what takes the place of a secret; the same secret gives the same mark under one salt. */
const SECRET = /^secret:[0-9a-f]{8}$/;
/** Names of keys whose values are secrets, or addresses that may hold one. */
const SECRET_NAMES = /secret|key|token|password|credential|url$/i;

export function isSecretMark(value: FormValue | undefined): boolean {
  return typeof value === 'string' && SECRET.test(value);
}

/** Gives every text eight hexadecimal digits that tell it from others under this salt, and too few to find it again. */
export function secretMarks(salt: string): (text: string) => string {
  return (text) => createHmac('sha256', salt).update(text).digest('hex').slice(0, 8);
}

/** The form with a mark of `digest` in the place of every secret. */
export function redacted(form: ConfigForm, digest: (text: string) => string): ConfigForm {
  const hide = (value: FormValue): FormValue => {
    if (Array.isArray(value)) return value.map(hide);
    if (isFormMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hide(inner)]));
    return value === null ? null : `secret:${digest(JSON.stringify(value))}`;
  };
  const walk = (value: FormValue, namesAreIds: boolean): FormValue => {
    if (Array.isArray(value)) return value.map((inner) => walk(inner, false));
    if (!isFormMap(value)) return value;
    return mapValues(value, (key, inner) =>
      !namesAreIds && (SECRET_NAMES.test(key) || arePhones(key, inner)) ? hide(inner) : walk(inner, false),
    );
  };
  return {
    gateway: mapValues(form.gateway, (key, value) => walk(value, key === 'channels')),
    merchants: mapOf(walk(form.merchants, true)),
  };
}

/** People are told by lists of their phones; `to` of a maintenance window is a time. */
function arePhones(key: string, value: FormValue): boolean {
  return key === 'to' && Array.isArray(value);
}

export function isFormMap(value: unknown): value is FormMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapOf(value: unknown): FormMap {
  return isFormMap(value) ? value : {};
}

function mapValues(map: FormMap, change: (key: string, value: FormValue) => FormValue): FormMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(key, value)]));
}

/** What a schema takes a raw value for, before it converts anything. The value has passed the schema. */
function filled(schema: z.core.$ZodType, raw: unknown): FormValue | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'default':
    case 'prefault':
      return filled(def.innerType, raw === undefined ? def.defaultValue : raw);
    case 'optional':
      return raw === undefined ? undefined : filled(def.innerType, raw);
    case 'nullable':
      return raw === null || raw === undefined ? null : filled(def.innerType, raw);
    case 'pipe':
      // A preprocessed map (`section`) stands for an empty one when it is not there.
      return (def.in as z.core.$ZodTypes)._zod.def.type === 'transform'
        ? filled(def.out, raw ?? {})
        : filled(def.in, raw);
    case 'object': {
      const entries = Object.entries(def.shape).map(([key, inner]) => [key, filled(inner, rawAt(raw, key))] as const);
      return Object.fromEntries(entries.filter((entry): entry is [string, FormValue] => entry[1] !== undefined));
    }
    default:
      return plain(raw);
  }
}

function plain(raw: unknown): FormValue | undefined {
  if (Array.isArray(raw)) return raw.map((inner) => plain(inner) ?? null);
  if (typeof raw === 'object' && raw !== null) {
    return Object.fromEntries(rawEntries(raw).map(([key, inner]) => [key, plain(inner) ?? null]));
  }
  return typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean' || raw === null
    ? raw
    : undefined;
}
