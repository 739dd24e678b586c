import type { IncomingMessage } from 'node:http';

type SingleHeader =
  | { readonly kind: 'absent' }
  | { readonly kind: 'one'; readonly value: string }
  /** Sent more than once: nobody can say which one was meant. */
  | { readonly kind: 'repeated' };

/**
 * A header that must not come twice. Node drops or joins repeated headers (`security.md` 23), so this looks at what was
 * really sent.
 */
export function singleHeader(request: IncomingMessage, lowerCaseName: string): SingleHeader {
  const { rawHeaders } = request;
  let value: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length !== lowerCaseName.length || name.toLowerCase() !== lowerCaseName) continue;
    if (value !== undefined) return { kind: 'repeated' };
    value = rawHeaders[i + 1];
  }
  return value === undefined ? { kind: 'absent' } : { kind: 'one', value };
}

/** All headers as they were sent: names in lower case, one entry per occurrence. */
export function headersAsSent(request: IncomingMessage): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const known = headers.get(name);
    if (known) known.push(value);
    else headers.set(name, [value]);
  }
  return headers;
}
