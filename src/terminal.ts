/** What others have written must not steer the terminal of who reads it, nor the direction in which it is read. */
export function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]|\p{Bidi_Control}/gu, '?');
}

/** The same for JSON, which keeps what it hides: escaped. */
export function harmlessJson(value: unknown): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replaceAll(/[\x7f-\x9f]|\p{Bidi_Control}/gu, escaped);
}
