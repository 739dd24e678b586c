/** Embeddings, overrides and isolates. The marks LRM, RLM and ALM stay: texts in Hebrew and Arabic need them, and they turn nothing round. */
const STEERING = /[\u202a-\u202e\u2066-\u2069]+/g;

/**
 * A text of somebody else's as people may be shown it: without the invisible characters that have what follows read in another direction,
 * so that it cannot seem to say what it does not. What is stored and sent back to its author stays as it was.
 */
export function legible(text: string): string {
  return text.replaceAll(STEERING, '');
}
