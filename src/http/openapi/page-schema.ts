import { type Html, html } from '../cashier/html.ts';
import { markdownHtml } from '../status/markdown.ts';

type Schema = Readonly<Record<string, unknown>>;
type Schemas = Readonly<Record<string, Schema>>;

/** More words than these are not printed. */
const ENUM_MAX = 20;
/** A pattern that is longer tells a reader nothing. */
const PATTERN_CHARS_MAX = 60;

/** The fields of an object as a table, those inside them below. */
export function fieldsHtml(schema: Schema, schemas: Schemas): Html {
  const variants = alternatives(schema);
  if (variants) return html`${variants.map((one) => html`<p class="variant">either</p>${fieldsHtml(one, schemas)}`)}`;
  const required = new Set(schema.required as readonly string[] | undefined);
  const rows = Object.entries((schema.properties ?? {}) as Schemas).map(([name, field]) =>
    fieldRow(name, field, required.has(name), schemas),
  );
  return html`<dl class="fields">${rows}</dl>`;
}

function fieldRow(name: string, field: Schema, required: boolean, schemas: Schemas): Html {
  const inner = field.type === 'object' && field.properties !== undefined ? fieldsHtml(field, schemas) : null;
  return html`<div><dt><code>${name}</code>${required ? null : html` <i>optional</i>`}</dt>
<dd><span class="type">${typeHtml(field)}</span>${textHtml(String(field.description ?? ''))}${inner}</dd></div>`;
}

/** What a value may be, in a few words. */
function typeHtml(schema: Schema): Html {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema.$ref))?.[1];
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`;
  const variants = alternatives(schema);
  if (variants) return html`${variants.map((one, index) => html`${index === 0 ? '' : ' or '}${typeHtml(one)}`)}`;
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.type === 'array') return html`list of ${typeHtml((schema.items ?? {}) as Schema)}${limitsHtml(schema)}`;
  const words = schema.enum as readonly string[] | undefined;
  if (words && words.length <= ENUM_MAX)
    return html`${words.map((word) => html`<code>${word}</code> `)}${presetHtml(schema)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : String(schema.type ?? 'anything');
  return html`${type}${schema.format === 'date-time' ? ', a time' : ''}${limitsHtml(schema)}`;
}

function limitsHtml(schema: Schema): Html {
  const { pattern } = schema;
  const range = rangeText(schema.minimum, schema.maximum, '');
  const length = rangeText(schema.minLength, schema.maxLength, ' characters');
  const items = rangeText(schema.minItems, schema.maxItems, ' entries');
  const limits = [range, length, items].filter((text) => text !== '').map((text) => html`, ${text}`);
  const shape =
    typeof pattern === 'string' && pattern.length <= PATTERN_CHARS_MAX ? html`, <code>${pattern}</code>` : null;
  return html`${limits}${shape}${presetHtml(schema)}`;
}

function presetHtml({ default: preset }: Schema): Html | null {
  return typeof preset === 'string' || typeof preset === 'number' ? html`, default <code>${preset}</code>` : null;
}

function rangeText(min: unknown, max: unknown, unit: string): string {
  if (typeof min !== 'number' && typeof max !== 'number') return '';
  if (max === undefined || max === Number.MAX_SAFE_INTEGER) return `${min} or more${unit}`;
  return `${min === undefined ? 'at most ' : `${min} to `}${max}${unit}`;
}

/** Real alternatives; a choice of mere formats is none. */
function alternatives(schema: Schema): readonly Schema[] | null {
  const variants = (schema.oneOf ?? schema.anyOf) as readonly Schema[] | undefined;
  return variants && schema.type === undefined ? variants : null;
}

export function jsonHtml(value: unknown): Html {
  return html`<pre><code>${JSON.stringify(value, null, 2)}</code></pre>`;
}

export function textHtml(text: string): Html {
  return markdownHtml(text);
}
