import type { z } from 'zod';

/** The note of another replica on the notice board; null for our own, and for what is none of a version that we know. */
export function readNote<Note extends { readonly from: string }>(
  schema: z.ZodType<Note>,
  id: string,
  text: string,
): Note | null {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success && parsed.data.from !== id ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
