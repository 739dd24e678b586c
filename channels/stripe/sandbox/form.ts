/** A decoded body or query: `a[b][c]=x` is `{ a: { b: { c: 'x' } } }`; list indices are keys like any other. */
export interface Form {
  readonly [key: string]: string | Form;
}

type MutableForm = { [key: string]: string | MutableForm };

const FIELDS_MAX = 1_000;
const DEPTH_MAX = 6;

/** Null for what Stripe could not read either: a name with broken brackets, or one that is a text and a map at once. */
export function parseForm(encoded: string): Form | null {
  const root = emptyForm();
  let fields = 0;
  let appended = 0;
  for (const [name, value] of new URLSearchParams(encoded)) {
    fields += 1;
    const path = splitName(name);
    if (path === null || fields > FIELDS_MAX) return null;
    // `expand[]=x` appends.
    const keys = path.map((key) => (key === '' ? String(appended++) : key));
    if (!place(root, keys, value)) return null;
  }
  return root;
}

export function textAt(form: Form, ...path: string[]): string | undefined {
  const value = valueAt(form, path);
  return typeof value === 'string' ? value : undefined;
}

/** The texts of a list or map at a path, in the order they were sent. */
export function textsAt(form: Form, ...path: string[]): readonly string[] {
  return Object.values(textMapAt(form, ...path));
}

export function textMapAt(form: Form, ...path: string[]): Readonly<Record<string, string>> {
  const value = valueAt(form, path);
  if (value === undefined || typeof value === 'string') return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function valueAt(form: Form, path: readonly string[]): string | Form | undefined {
  let value: string | Form | undefined = form;
  for (const key of path) {
    if (value === undefined || typeof value === 'string') return undefined;
    value = value[key];
  }
  return value;
}

function splitName(name: string): readonly string[] | null {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) return null;
  const inner = [...(match[2] ?? '').matchAll(/\[([^[\]]*)\]/g)].map((part) => part[1] ?? '');
  return inner.length >= DEPTH_MAX ? null : [match[1] ?? '', ...inner];
}

function place(root: MutableForm, keys: readonly string[], value: string): boolean {
  let at = root;
  for (const key of keys.slice(0, -1)) {
    const next = at[key] ?? emptyForm();
    if (typeof next === 'string') return false;
    at[key] = next;
    at = next;
  }
  const last = keys.at(-1) ?? '';
  if (typeof at[last] === 'object') return false;
  at[last] = value;
  return true;
}

/** Without a prototype: a field may be called `constructor`. */
function emptyForm(): MutableForm {
  const form: MutableForm = Object.create(null);
  return form;
}
