import type { Texts } from './text-keys.ts';
import { en } from './texts-en.ts';
import { zh } from './texts-zh.ts';

export type { Texts } from './text-keys.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

export const TEXTS: Readonly<Record<Language, Texts>> = { en, zh };

/** The method's name in a list; an unknown method keeps its own word. */
export function methodLabel(texts: Texts, method: string): string {
  return texts.labels[method] ?? method;
}

/** The method's name in a sentence; an unknown method keeps its own word. */
export function methodName(texts: Texts, method: string): string {
  return texts.methods[method] ?? method;
}

/** Puts a name into a text with `{method}`. */
export function withMethod(text: string, texts: Texts, method: string): string {
  return text.replaceAll('{method}', () => methodName(texts, method));
}
