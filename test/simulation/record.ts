import { fnv1a } from './chance.ts';

/** What a world wrote down: what happened to whom, what went wrong, and how often each kind of thing happened. */
export interface WorldRecord {
  readonly violations: readonly string[];
  note(about: string, what: string): void;
  /** Something that must hold does not. */
  violated(about: string, what: string): void;
  must(holds: boolean, about: string, what: string): void;
  count(kind: string, by?: number): void;
  counts(): ReadonlyMap<string, number>;
  /** The same for the same seed, whatever machine it runs on. */
  hash(): string;
  /** What happened to one of them, in order. */
  storyOf(abouts: readonly string[]): readonly string[];
}

const VIOLATIONS_MAX = 20;

/** An empty record; `now` is what the world's events are dated by. */
export function createRecord(now: () => number): WorldRecord {
  const violations: string[] = [];
  const counts = new Map<string, number>();
  const stories = new Map<string, { readonly line: number; readonly at: number; readonly what: string }[]>();
  let [high, low] = [1, 2];
  let line = 0;

  function note(about: string, what: string): void {
    line += 1;
    const at = now();
    low = fnv1a(what, fnv1a(about, low ^ at));
    high = Math.imul(high ^ low, 0x9e3779b1) >>> 0;
    const story = stories.get(about);
    if (story) story.push({ line, at, what });
    else stories.set(about, [{ line, at, what }]);
  }

  function violated(about: string, what: string): void {
    note(about, `VIOLATED: ${what}`);
    if (violations.length < VIOLATIONS_MAX) violations.push(`${about}: ${what}`);
  }

  return {
    violations,
    note,
    violated,
    must: (holds, about, what) => {
      if (!holds) violated(about, what);
    },
    count: (kind, by = 1) => void counts.set(kind, (counts.get(kind) ?? 0) + by),
    counts: () => counts,
    hash: () => `${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`,
    storyOf: (abouts) =>
      abouts
        .flatMap((about) => (stories.get(about) ?? []).map((entry) => ({ about, ...entry })))
        .sort((a, b) => a.line - b.line)
        .map(({ at, about, what }) => `${(at / 1_000).toFixed(3).padStart(11)} s  ${about}  ${what}`),
  };
}
