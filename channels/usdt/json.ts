/** The top-level texts and numbers of a JSON object. */
export type Fields = ReadonlyMap<string, string | number>;

/** A name in a flat JSON object: a text with a colon behind it. */
const NAME = /"(?:[^"\\]|\\.)*"\s*:/g;

/** The value of a JSON text, undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A flat object whose values are all texts and numbers; null for anything else, a name that comes twice and text around it. */
export function parseFlat(text: string): Fields | null {
  const parsed = /^\{[^{}]*\}$/.test(text) ? parseJson(text) : undefined;
  if (typeof parsed !== 'object' || parsed === null) return null;
  const entries = Object.entries(parsed);
  if (entries.length !== (text.match(NAME) ?? []).length) return null;
  const fields = new Map<string, string | number>();
  for (const [name, value] of entries) {
    if (typeof value !== 'string' && typeof value !== 'number') return null;
    fields.set(name, value);
  }
  return fields;
}
