import { type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';

/** With a callback Node signs on libuv's threads: a quarter of a millisecond that the event loop has for others. */
const signAside = promisify(sign);

/** SHA256withRSA (PKCS#1 v1.5) over the text in UTF-8, in base64. Rejects when the key cannot sign. */
export async function rsaSignature(text: string, privateKey: KeyObject): Promise<string> {
  const signature = await signAside('RSA-SHA256', Buffer.from(text, 'utf8'), privateKey);
  return signature.toString('base64');
}
