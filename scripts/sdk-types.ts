import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { openApiDocument } from '../src/http/openapi/index.ts';

const PATH = join(import.meta.dirname, '../sdk/src/types.ts');
const BANNER = '// Made from the API description by `npm run sdk:types`; a test compares the two. Do not edit.\n';
/** What holds the definitions has no use of its own. */
const ROOT = 'Unused';
/** A list of codes that is longer is a string to whoever writes code. */
const ENUM_MAX = 20;

type Json = Readonly<Record<string, unknown>>;

/** The types of the client, from the schemas of the API description. */
export async function sdkTypes(): Promise<string> {
  const { components } = openApiDocument({ publicUrl: 'https://pay.example', allowHttpUrls: false });
  const definitions = plain(components.schemas) as Record<string, JSONSchema>;
  const text = await compile({ $defs: definitions, type: 'object', additionalProperties: false }, ROOT, {
    bannerComment: BANNER,
    additionalProperties: false,
    unreachableDefinitions: true,
    style: { singleQuote: true, trailingComma: 'all', printWidth: 120 },
  });
  return text
    .replaceAll(/^ \*\n \* This interface was referenced by .*\n \* via the .*\n/gm, '')
    .replace(`export interface ${ROOT} {}\n`, '')
    .replaceAll(/^\}\n(?=\/\*\*)/gm, '}\n\n');
}

/** References to definitions of one document, and nothing that a type cannot say. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, enum: words, anyOf, ...rest } = value as Json;
  if (typeof $ref === 'string') return { $ref: $ref.replace('#/components/schemas/', '#/$defs/') };
  const kept = Object.entries(rest).filter(([key]) => !/^(min|max|pattern)/.test(key));
  // Beside a type it is a choice of formats.
  const variants = anyOf !== undefined && rest.type === undefined ? { anyOf: plain(anyOf) } : {};
  const inner = { ...variants, ...Object.fromEntries(kept.map(([key, one]) => [key, plain(one)])) };
  if (!Array.isArray(words)) return inner;
  return words.length > ENUM_MAX ? inner : { ...inner, enum: words };
}

if (import.meta.main) writeFileSync(PATH, await sdkTypes());
