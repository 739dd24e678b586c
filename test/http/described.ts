import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'vitest';

type Json = Readonly<Record<string, unknown>>;

interface Described {
  readonly operationId: string;
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly headers?: Json; readonly content: Readonly<Record<string, Media>> }>
  >;
}

interface Media {
  readonly schema: Json;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

/** `/openapi.json` as a reader takes it. */
export interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly webhooks: Readonly<Record<string, { readonly post: Described }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly parameters: Readonly<Record<string, Json>>;
  };
}

export interface DescribedOperation extends Described {
  readonly method: string;
  readonly path: string;
}

/** What a running API says of itself, ready to be held against what it does. */
export interface Reading {
  readonly description: Description;
  readonly operations: readonly DescribedOperation[];
  operation(id: string): DescribedOperation;
  /** Compiles a schema of the description, its references too. `closed`: with no field that is not described. */
  compile(schema: Json, closed?: 'closed'): ValidateFunction;
  /** What is wrong with an answer, as far as its operation is described; empty when nothing is. */
  faultsOf(
    id: string,
    answer: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  ): readonly string[];
}

export async function readDescription(url: string): Promise<Reading> {
  const answer = await fetch(`${url}/openapi.json`);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const description = (await answer.json()) as Description;
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ ...described, method: method.toUpperCase(), path })),
  );
  const compile = compilerOf(description);
  const compiled = new Map<unknown, ValidateFunction>();
  const operation = (id: string) => {
    const found = operations.find(({ operationId }) => operationId === id);
    if (!found) throw new Error(`no operation ${id} is described`);
    return found;
  };
  return {
    description,
    operations,
    operation,
    compile,
    faultsOf: (id, { status, headers, body }) => {
      const response = operation(id).responses[status];
      if (!response) return [`${id}: ${status} is not described`];
      const [type = '', media] = Object.entries(response.content)[0] ?? [];
      if (!headers.get('content-type')?.startsWith(type)) return [`${id} ${status}: ${headers.get('content-type')}`];
      const missing = Object.keys(response.headers ?? {}).filter((name) => !headers.has(name));
      const validate = compiled.get(media) ?? compile(media?.schema ?? {}, 'closed');
      compiled.set(media, validate);
      const faults = validate(body) ? [] : (validate.errors ?? []);
      return [
        ...missing.map((name) => `${id} ${status}: no header ${name}`),
        ...faults.map(
          ({ instancePath, message, params }) =>
            `${id} ${status}: ${instancePath} ${message} ${JSON.stringify(params)}`,
        ),
      ];
    },
  };
}

function compilerOf({ components }: Description): Reading['compile'] {
  const make = (schemas: Json) => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
    formats.default(ajv);
    ajv.addVocabulary(['components']);
    ajv.addSchema({ $id: 'api', components: { schemas } });
    return ajv;
  };
  const open = make(components.schemas);
  const closed = make(closeObjects(components.schemas) as Json);
  return (schema, how) => {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/');
    return (how === 'closed' ? closed : open).compile(JSON.parse(text));
  };
}

/** Answers may get fields that a reader does not know; what this API sends has to be described all the same. */
function closeObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closeObjects);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, closeObjects(inner)]);
  const isOpen = 'properties' in value && value.properties !== null && 'type' in value && value.type === 'object';
  return { ...(isOpen ? { additionalProperties: false } : {}), ...Object.fromEntries(entries) };
}
