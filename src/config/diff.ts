import { pathText } from './faults.ts';
import { type ConfigForm, type FormMap, type FormValue, isFormMap, isSecretMark } from './normal-form.ts';
import { parseDurationMs, parseSharePpm } from './units.ts';

/** One thing that differs between two configurations. Values are as `redacted` gives them. */
export interface ConfigChange {
  /** Keys and positions from the top: `gateway` or `merchants` first. */
  readonly at: readonly (string | number)[];
  /** Absent on one side: the place was not there. */
  readonly before?: FormValue;
  readonly after?: FormValue;
}

/** A change in words: one line of a terminal, one entry of an answer. */
export interface DescribedChange {
  /** `channels.alipay-main.weight`; a merchant's begins with `merchants.`. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly from: string | null;
  readonly to: string | null;
  /** A key, a credential, or an address that may hold one, is new or gone; its value is not here. */
  readonly secret: boolean;
  /** The whole sentence, without a secret. */
  readonly text: string;
}

/** What leads from one redacted form to the other, in the order of the files. `1m` and `60s` do not differ. */
export function diffForms(before: ConfigForm, after: ConfigForm): readonly ConfigChange[] {
  return [
    ...diffMaps(['gateway'], before.gateway, after.gateway),
    ...diffMaps(['merchants'], before.merchants, after.merchants),
  ];
}

function diffMaps(at: ConfigChange['at'], before: FormMap, after: FormMap): readonly ConfigChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const [from, to] = [ownValue(before, key), ownValue(after, key)];
    const path = [...at, key];
    if (from === undefined) return to === undefined ? [] : [{ at: path, after: to }];
    if (to === undefined) return [{ at: path, before: from }];
    return diffValues(path, from, to);
  });
}

function diffValues(at: ConfigChange['at'], before: FormValue, after: FormValue): readonly ConfigChange[] {
  if (isFormMap(before) && isFormMap(after)) return diffMaps(at, before, after);
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    if (!before.some(isFormMap)) return sameLists(before, after) ? [] : [{ at, before, after }];
    return before.flatMap((value, index) => diffValues([...at, index], value, after[index] ?? null));
  }
  return sameScalars(before, after) ? [] : [{ at, before, after }];
}

function sameLists(a: readonly FormValue[], b: readonly FormValue[]): boolean {
  return a.every((value, index) => diffValues([], value, b[index] ?? null).length === 0);
}

function sameScalars(a: FormValue, b: FormValue): boolean {
  if (a === b) return true;
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  const [durationA, shareA] = [parseDurationMs(a), parseSharePpm(a)];
  return (durationA !== null && durationA === parseDurationMs(b)) || (shareA !== null && shareA === parseSharePpm(b));
}

function ownValue(map: FormMap, key: string): FormValue | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** In an admin's words; of secrets it says that they changed and nothing else. */
export function describeChange({ at, before, after }: ConfigChange): DescribedChange {
  const path = pathText(at[0] === 'gateway' ? at.slice(1) : at);
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  const secret = secretWords(before, after);
  const from = secret === null && before !== undefined ? shown(before) : null;
  const to = secret === null && after !== undefined ? shown(after) : null;
  const words = secret ?? (kind === 'changed' ? `${from} -> ${to}` : `${kind} ${to ?? from ?? ''}`);
  return {
    path,
    kind,
    from,
    to,
    secret: holdsMark(before) || holdsMark(after),
    text: `${path}: ${words}${remark(at, after)}`,
  };
}

function secretWords(before: FormValue | undefined, after: FormValue | undefined): string | null {
  const [old, fresh] = [marksOf(before), marksOf(after)];
  if (old === null && fresh === null) return null;
  const added = (fresh ?? []).filter((mark) => !old?.includes(mark)).length;
  const removed = (old ?? []).filter((mark) => !fresh?.includes(mark)).length;
  if (!Array.isArray(before) && !Array.isArray(after)) {
    return before === undefined || before === null
      ? 'set'
      : after === undefined || after === null
        ? 'removed'
        : 'changed';
  }
  return (
    [added > 0 ? `${added} added` : '', removed > 0 ? `${removed} removed` : ''].filter(Boolean).join(', ') || 'changed'
  );
}

function holdsMark(value: FormValue | undefined): boolean {
  if (Array.isArray(value)) return value.some(holdsMark);
  return isFormMap(value) ? Object.values(value).some(holdsMark) : isSecretMark(value);
}

/** The marks in a secret value or a list of them; null when it is no secret. */
function marksOf(value: FormValue | undefined): readonly FormValue[] | null {
  const marks = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return marks.length > 0 && marks.every(isSecretMark) ? marks : null;
}

const ANOTHER = ' (refused by a gateway that runs: add another channel for it, and set weight: 0 here)';
const DRAINS = ' (drains it: no new payments, what is open goes on)';

/** What follows from a change, where an admin may not expect it. */
function remark(at: ConfigChange['at'], after: FormValue | undefined): string {
  const [file, section, , key] = at;
  if (file !== 'gateway' || section !== 'channels') return '';
  if (at.length === 3 && after === undefined) return ' (refused while payments of it are open)';
  if (at.length === 4 && key === 'weight' && after === 0) return DRAINS;
  return at.length === 4 && (key === 'provider' || key === 'mode') ? ANOTHER : '';
}

const SHOWN_CHARS_MAX = 300;

function shown(value: FormValue): string {
  const text = inline(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}...` : text;
}

/** A value on one line. Control characters are gone, secrets are not shown. */
export function inline(value: FormValue): string {
  if (isSecretMark(value)) return '(secret)';
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (!isFormMap(value)) return value === '' ? '""' : String(value).replace(/\p{Cc}+/gu, ' ');
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${inline(inner)}`)
    .join(', ')} }`;
}
