import { createHash } from 'node:crypto';

/** Sorted, joined, the token behind it; numbers as they are printed shortest. */
export function sign(fields: Readonly<Record<string, string | number>>, token: string): string {
  let text = '';
  for (const name of Object.keys(fields).sort()) {
    const value = fields[name];
    if (name === 'signature' || value === undefined || value === '') continue;
    text += `${text === '' ? '' : '&'}${name}=${value}`;
  }
  return createHash('md5').update(text).update(token).digest('hex');
}

export function isSigned(fields: Readonly<Record<string, string | number>>, token: string): boolean {
  return fields.signature === sign(fields, token);
}
