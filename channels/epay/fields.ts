/** Names and decoded values of a query or an answer, each name once. */
export type Fields = ReadonlyMap<string, string>;

const CHARS_MAX = 16 * 1024;

/**
 * A query as fields. Null when a name comes twice or is an array's (`money[]`), when a pair has no `=`, when something is no
 * percent-encoded UTF-8, or when it is longer than any real one: two readers would read such a query differently.
 */
export function parseQuery(query: string): Fields | null {
  if (query.length > CHARS_MAX) return null;
  const fields = new Map<string, string>();
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = at < 1 ? null : decode(pair.slice(0, at));
    const value = decode(pair.slice(at + 1));
    if (name === null || value === null || !/^[a-z_]{1,40}$/.test(name) || fields.has(name)) return null;
    fields.set(name, value);
  }
  return fields;
}

/** The top-level texts and numbers of a JSON object as they read in a signature; null for anything that is no object. */
export function parseAnswer(text: string): Fields | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'string' || typeof value === 'number') fields.set(name, String(value));
  }
  return fields;
}

/** As a form or query: percent-encoded after signing. */
export function encodeFields(fields: Fields): string {
  return [...fields].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
