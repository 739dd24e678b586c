import type { IncomingMessage } from 'node:http';
import { err, ok, type Result } from '../payment/index.ts';
import { singleHeader } from './headers.ts';
import { findRepeatedKey } from './json-keys.ts';
import type { EdgeError } from './problem.ts';
import { BODY_BYTES_MAX, readBody } from './read-body.ts';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Reads a JSON document: UTF-8, uncompressed, every key once, at most `bytesMax` bytes. What it means is not judged here. */
export async function readJson(
  request: IncomingMessage,
  bytesMax = BODY_BYTES_MAX,
): Promise<Result<unknown, EdgeError>> {
  const type = singleHeader(request, 'content-type');
  const encoding = singleHeader(request, 'content-encoding');
  const body = await readBody(request, bytesMax);
  if (!body.ok) return err(body.error === 'too_large' ? tooLarge(bytesMax) : invalidJson('The body ended too early.'));
  if (type.kind === 'repeated') return err(invalidJson('Content-Type was sent more than once.'));
  if (type.kind === 'absent' || !JSON_TYPE.test(type.value.trim())) {
    return err(invalidJson('Send the body as Content-Type: application/json, in UTF-8.'));
  }
  if (encoding.kind === 'repeated' || (encoding.kind === 'one' && encoding.value.trim().toLowerCase() !== 'identity')) {
    return err(invalidJson('Send the body without Content-Encoding.'));
  }
  return parseJson(body.value);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Strict JSON from bytes. */
export function parseJson(bytes: Uint8Array): Result<unknown, EdgeError> {
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    return err(invalidJson('The body is not valid UTF-8.'));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would repeat a piece of the body, which may be personal.
    return err(invalidJson(text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.'));
  }
  const repeated = findRepeatedKey(text);
  if (repeated !== null)
    return err(invalidJson(`The key ${JSON.stringify(repeated.slice(0, 64))} occurs twice in one object.`));
  return ok(value);
}

function invalidJson(detail: string): EdgeError {
  return { code: 'invalid_json', detail };
}

function tooLarge(bytesMax: number): EdgeError {
  return { code: 'body_too_large', detail: `The body may have at most ${bytesMax} bytes.` };
}
