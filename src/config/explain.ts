import { inline } from './diff.ts';
import { MEANINGS } from './meanings.ts';
import { type ConfigForm, type FormMap, isFormMap } from './normal-form.ts';

/** Before the meanings, where the values leave room. */
const COLUMN = 52;

/** A redacted form as YAML-like text, with the meaning of each key behind it; of several channels or merchants behind the first. */
export function explainForm(form: ConfigForm): string {
  return [...linesOf(form.gateway, [], ''), ...linesOf({ merchants: form.merchants }, [], '')].join('\n');
}

function linesOf(map: FormMap, path: readonly string[], indent: string, withMeanings = true): readonly string[] {
  const namesThings = path.length === 1 && (path[0] === 'channels' || path[0] === 'merchants');
  return Object.entries(map).flatMap(([key, value], index) => {
    const at = [...path, namesThings ? '*' : key];
    const meaning = withMeanings ? MEANINGS.get(at.join('.')) : undefined;
    if (!isFormMap(value) || meaning !== undefined || Object.keys(value).length === 0) {
      return [commented(`${indent}${key}: ${inline(value)}`, meaning)];
    }
    return [`${indent}${key}:`, ...linesOf(value, at, `${indent}  `, withMeanings && (!namesThings || index === 0))];
  });
}

function commented(text: string, meaning: string | undefined): string {
  return meaning === undefined ? text : `${text.padEnd(COLUMN)} # ${meaning}`;
}
