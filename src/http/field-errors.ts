import type { z } from 'zod';
import type { FieldError } from './problem.ts';

/** More faults than this help nobody. */
const ERRORS_MAX = 20;
const KEY_CHARS_MAX = 64;

/** The fields that an object may have, by the object's path; `''` is the body itself. */
type KnownFields = Readonly<Record<string, readonly string[]>>;

/** Turns the faults that zod found into `errors` of `api.md`; a misspelt field gets a hint. */
export function fieldErrorsOf(error: z.ZodError, known: KnownFields): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const issue of error.issues) {
    if (errors.length >= ERRORS_MAX) break;
    if (issue.code !== 'unrecognized_keys') {
      errors.push({ path: pathText(issue.path), message: issue.message });
      continue;
    }
    const siblings = known[issue.path.join('.')] ?? [];
    for (const key of issue.keys.slice(0, ERRORS_MAX - errors.length)) {
      errors.push({ path: pathText([...issue.path, key]), message: unknownField(key, siblings) });
    }
  }
  return errors;
}

function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += `${text === '' ? '' : '.'}${String(part).slice(0, KEY_CHARS_MAX)}`;
  }
  return text === '' ? '(body)' : text;
}

function unknownField(key: string, siblings: readonly string[]): string {
  const near = nearest(key, siblings);
  return near === null ? 'is not a known field' : `is not a known field; did you mean ${near}?`;
}

function nearest(key: string, siblings: readonly string[]): string | null {
  if (key.length > KEY_CHARS_MAX) return null;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const ranked = siblings
    .map((name) => ({ name, distance: editDistance(plain(key), plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.min(2, Math.floor((best.name.length + 1) / 3)) ? best.name : null;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
