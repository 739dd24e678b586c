import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Encrypts with the master key; `open` throws on what it did not seal. Texts in, texts out. */
export interface Sealer {
  seal(plain: string): string;
  open(sealed: string): string;
}

/** Signatures cannot be deflated, and they are half of a short message: nothing but time would be lost. */
const DEFLATE_CHARS_MIN = 2_048;
/** A small state: half the time of zlib's own choice for messages of this size. */
const DEFLATE = { windowBits: 13, memLevel: 6 } as const;
const AS_IT_IS = 'json:';
const DEFLATED = 'deflate:';
/** A first byte that no prefix is as long as: the rest is the sealer's text, whatever it looks like. */
const WHOLE_TEXT = 255;

/** JSON text -> what is stored. Deflated first where that makes it shorter. */
export function sealMessages(json: string, sealer: Sealer): Uint8Array {
  return packed(sealer.seal(shortest(json)));
}

/** What was stored -> the messages. Throws what the sealer throws, and when the content is none of ours. */
export function openMessages(stored: Uint8Array, sealer: Sealer): unknown {
  const plain = sealer.open(unpacked(Buffer.from(stored)));
  if (plain.startsWith(AS_IT_IS)) return JSON.parse(plain.slice(AS_IT_IS.length));
  if (!plain.startsWith(DEFLATED)) throw new Error('evidence: sealed by another program');
  return JSON.parse(inflateRawSync(Buffer.from(plain.slice(DEFLATED.length), 'base64')).toString('utf8'));
}

function shortest(json: string): string {
  if (json.length < DEFLATE_CHARS_MIN) return AS_IT_IS + json;
  const deflated = deflateRawSync(json, DEFLATE).toString('base64');
  return deflated.length < Buffer.byteLength(json) ? DEFLATED + deflated : AS_IT_IS + json;
}

/** The sealer's texts end in base64; their bytes are a quarter shorter: length of the prefix, prefix, bytes. */
function packed(text: string): Uint8Array {
  const start = text.lastIndexOf('.') + 1;
  const body = Buffer.from(text.slice(start), 'base64url');
  const prefix = Buffer.from(text.slice(0, start));
  if (prefix.length >= WHOLE_TEXT || body.toString('base64url') !== text.slice(start)) {
    return Buffer.concat([Buffer.of(WHOLE_TEXT), Buffer.from(text)]);
  }
  return Buffer.concat([Buffer.of(prefix.length), prefix, body]);
}

function unpacked(stored: Buffer): string {
  const length = stored[0] ?? WHOLE_TEXT;
  if (length === WHOLE_TEXT) return stored.toString('utf8', 1);
  return stored.toString('utf8', 1, 1 + length) + stored.toString('base64url', 1 + length);
}
