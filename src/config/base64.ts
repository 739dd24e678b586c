/** Decodes standard base64 with its padding; null for anything that would not be encoded the same way again. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}
