import { createHash } from 'node:crypto';
import { type ConfigForm, type FormValue, isFormMap } from './normal-form.ts';

/**
 * Twelve hexadecimal digits that are the same for the same configuration, wherever its files lie and in whatever order their keys stand.
 * Secrets count too: two replicas with different keys differ. What is written counts, so `1m` and `60s` differ.
 */
export function digestOf(form: ConfigForm): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(form)))
    .digest('hex')
    .slice(0, 12);
}

function sorted(value: FormValue): FormValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFormMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key] ?? null)]),
  );
}
