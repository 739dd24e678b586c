/** The value of a JSON text, undefined when it is none: what PayPal sends must not make us throw. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
